import type { TierDecision } from './tier-decision.ts';
import { wordSet } from './word-set.ts';

/** Methods and functions of the MongoDB shell that only look. */
const READS = wordSet(`
  find findOne limit sort skip projection pretty toArray count countDocuments estimatedDocumentCount distinct aggregate
  explain stats getIndexes getIndexKeys getCollectionNames getCollectionInfos getCollection getSiblingDB getMongo
  serverStatus currentOp status printReplicationInfo printSecondaryReplicationInfo printShardingStatus hostInfo
  isMaster hello version getProfilingStatus conf config dataSize storageSize totalIndexSize totalSize getShardDistribution
  latencyStats isCapped getName getLogComponents getUsers getUser getRoles getRole serverBuildInfo buildInfo
  listCommands getDBNames getDBs hasNext next itcount size readPref maxTimeMS comment hint allowDiskUse batchSize collation
  returnKey showRecordId min max map filter forEach reduce join slice keys entries values includes push length
  print printjson tojson stringify parse toString toISOString getTime valueOf getTimestamp
  ISODate ObjectId Date NumberLong NumberInt NumberDecimal Timestamp UUID BinData RegExp Number String Object Array
`);
/** Those that change data, or how a server runs. */
const MUTATES = wordSet(`
  drop dropDatabase dropIndex dropIndexes insert insertOne insertMany update updateOne updateMany replaceOne delete
  deleteOne deleteMany remove save findAndModify findOneAndUpdate findOneAndReplace findOneAndDelete bulkWrite
  initializeOrderedBulkOp initializeUnorderedBulkOp createIndex createIndexes ensureIndex createCollection createView
  renameCollection convertToCapped killOp killSession killSessions stepDown reconfig initiate add addArb freeze syncFrom
  shutdownServer fsyncLock fsyncUnlock createUser dropUser updateUser dropAllUsers grantRolesToUser revokeRolesFromUser
  createRole dropRole updateRole changeUserPassword setProfilingLevel setLogLevel addShard removeShard
  shardCollection reshardCollection moveChunk moveRange splitAt splitFind enableSharding startBalancer stopBalancer
  setBalancerState disableBalancing enableBalancing compact reIndex hideIndex unhideIndex mapReduce setParameter
  addShardToZone removeShardFromZone updateZoneKeyRange
`);
/** Commands of `runCommand` and `adminCommand` that only look. */
const READING_COMMANDS = wordSet(`
  serverStatus replSetGetStatus replSetGetConfig currentOp ping hello isMaster buildInfo dbStats collStats listDatabases
  listCollections listIndexes getLog top connPoolStats connectionStatus getParameter find count distinct hostInfo
  getCmdLineOpts listCommands features dataSize
`);
const COMMANDS = wordSet('runCommand adminCommand');
const GRAMMAR = wordSet('if for while switch return function catch typeof await var let const else');
/** What a line may be besides JavaScript. */
const HELPER = /^(?:show\s+\w+|use\s+[\w-]+|it|exit|quit|help)\s*;?$/;
const SCRIPT_LENGTH_MAX = 16_384;

/** The tier of a script for the MongoDB shell: every call in it looks, or it is not a read. */
export function mongoTier(script: string): TierDecision {
  const rule = 'mongo';
  const unknown: TierDecision = { tier: 'unknown', rule, verb: undefined };
  if (script.length > SCRIPT_LENGTH_MAX) return unknown;
  const code = script
    .split('\n')
    .filter((line) => !HELPER.test(line.trim()))
    .join('\n');
  // Names are looked for in texts, too: `db['x']['drop']()`.
  const changes = [...new Set(code.match(/\w+/g))].some((word) => MUTATES.has(word) && isNamed(code, word));
  if (changes) return { tier: 'mutate', rule, verb: undefined };
  // A pipeline that ends in a collection.
  if (/\$(?:out|merge)\b/.test(code)) return { tier: 'mutate', rule, verb: undefined };
  // Calls of what is not named, templates and comments hide what is called.
  if (/[\])]\s*\(|`|\/\*|\/\/(?!\w)/.test(withoutFunctionHeads(code))) return unknown;
  for (const [, name = '', first = ''] of code.matchAll(/\b(\w+)\s*\(\s*\{?\s*['"]?(\w*)/g)) {
    if (READS.has(name) || GRAMMAR.has(name)) continue;
    if (COMMANDS.has(name) && READING_COMMANDS.has(first)) continue;
    return COMMANDS.has(name) && first !== '' ? { tier: 'mutate', rule, verb: undefined } : unknown;
  }
  return code.trim() !== '' || script.trim() !== '' ? { tier: 'read', rule, verb: undefined } : unknown;
}

/** A head ends at a parenthesis: behind the last one, none is looked for, to the end of the text from each beginning. */
function withoutFunctionHeads(code: string): string {
  const end = code.lastIndexOf(')') + 1;
  return code.slice(0, end).replaceAll(/\bfunction(?:\s*\w+)?\s*\([^)]*\)/g, '') + code.slice(end);
}

/** Behind a dot, as the name of a member between brackets, or called. */
function isNamed(code: string, word: string): boolean {
  return new RegExp(`\\.\\s*${word}\\b|\\[\\s*['"]${word}['"]|\\b${word}\\s*\\(`).test(code);
}
