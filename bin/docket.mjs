#!/usr/bin/env node
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write('docket is not built yet. In the project folder run: npm run build (npm start does it too)\n');
  process.exitCode = 2;
}
