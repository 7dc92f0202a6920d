// After adding a package: `node scripts/complete-lock.mjs`. A registry mirror that does not carry other platforms' binaries
// makes npm leave those optional packages out of package-lock.json, and `npm ci` then refuses the file everywhere. This
// writes them in by name, version and platform, and takes out download addresses.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const file = join(import.meta.dirname, '..', 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8'));
const SYSTEMS = new Map([
  ...['darwin', 'linux', 'win32', 'freebsd', 'android', 'openharmony', 'netbsd', 'openbsd', 'sunos', 'aix'].map(
    (name) => [name, name],
  ),
  ['windows', 'win32'],
]);
const PROCESSORS = new Map([
  ...['arm64', 'x64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el', 'wasm32'].map((name) => [
    name,
    name,
  ]),
  ['gnueabihf', 'arm'],
  ['musleabihf', 'arm'],
]);

let added = 0;
for (const [path, entry] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const at = `node_modules/${name}`;
    if (lock.packages[at] || lock.packages[`${path}/${at}`] || !/^\d+\.\d+\.\d+/.test(version)) continue;
    const words = name.split('/').at(-1).split('-');
    const os = words.map((word) => SYSTEMS.get(word)).find(Boolean);
    const cpu = words.map((word) => PROCESSORS.get(word)).find(Boolean);
    if (!os && !cpu) throw new Error(`cannot tell the platform of ${name}`);
    lock.packages[at] = {
      version,
      ...(cpu ? { cpu: [cpu] } : {}),
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
      ...(os ? { os: [os] } : {}),
    };
    added += 1;
  }
}
for (const entry of Object.values(lock.packages)) delete entry.resolved;
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${added} optional packages of other platforms written into package-lock.json\n`);
