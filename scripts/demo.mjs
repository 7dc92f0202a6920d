// `npm run demo`: installs what is missing, builds, and runs `docket demo`.
process.argv.splice(2, 0, 'demo');
await import('./start.mjs');
