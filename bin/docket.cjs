#!/usr/bin/env node
'use strict';
// CommonJS on purpose: the size of libuv's thread pool is read once, when it is first used, and loading an ES module uses
// it. The embedded ClickHouse and the spool's fdatasync share that pool, so that four threads are too few.
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');

process.env.UV_THREADPOOL_SIZE ??= '12';
const main = join(__dirname, '..', 'dist', 'main.js');
if (existsSync(main)) {
  void import(pathToFileURL(main).href);
} else {
  process.stderr.write('docket is not built yet. In the project folder run: npm run build (npm start does it too)\n');
  process.exitCode = 2;
}
