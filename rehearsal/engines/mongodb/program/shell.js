// The objects of mongosh that scripts on hosts use. `native` is what shell.go gives.
Date.prototype.toJSON = function () { return { $date: this.toISOString() }; };
class MongoServerError extends Error {
  constructor(answer) {
    super(answer.errmsg);
    Object.assign(this, { name: "MongoServerError", code: answer.code, codeName: answer.codeName });
  }
}
function plain(value) { // what extended JSON wraps
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  if ("$date" in value) return new Date(value.$date);
  if ("$numberLong" in value) return Number(value.$numberLong);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
function inspect(value, depth = 0) {
  if (typeof value === "string") return depth ? `'${value}'` : value;
  if (value instanceof Date) return `ISODate('${value.toISOString()}')`;
  if (value === null || typeof value !== "object") return String(value);
  if ("$oid" in value) return `ObjectId('${value.$oid}')`;
  if (Array.isArray(value)) return value.length ? `[ ${value.map((each) => inspect(each, depth + 1)).join(", ")} ]` : "[]";
  const parts = Object.entries(value).map(([key, each]) => `${/^\w+$/.test(key) ? key : `'${key}'`}: ${inspect(each, depth + 1)}`);
  return parts.length ? `{ ${parts.join(", ")} }` : "{}";
}
function show(value) {
  if (value === undefined || typeof value === "function" || value === db) return;
  if (value instanceof Cursor) value = value.toArray();
  native.write(native.form === "" ? inspect(value) : JSON.stringify(value));
}
function run(database, command) {
  const answer = plain(JSON.parse(native.command(database, JSON.stringify(command))));
  if (answer.ok !== 1) throw new MongoServerError(answer);
  return answer;
}
class Cursor {
  constructor(make) { Object.assign(this, { make, options: {} }); }
  sort(sort) { this.options.sort = sort; return this; }
  limit(limit) { this.options.limit = limit; return this; }
  skip(skip) { this.options.skip = skip; return this; }
  toArray() { return this.found ?? (this.found = this.make(this.options)); }
  forEach(act) { this.toArray().forEach(act); }
  map(act) { return this.toArray().map(act); }
  count() { return this.toArray().length; }
  hasNext() { return this.toArray().length > 0; }
  next() { return this.toArray().shift(); }
}
class Collection {
  constructor(database, name) { Object.assign(this, { database, name }); }
  run(verb, rest) { return run(this.database, { [verb]: this.name, ...rest }); }
  all(answer) {
    const found = [...answer.cursor.firstBatch];
    for (let id = answer.cursor.id; id; ) {
      const more = run(this.database, { getMore: { $numberLong: String(id) }, collection: this.name });
      found.push(...more.cursor.nextBatch);
      id = more.cursor.id;
    }
    return found;
  }
  find(filter = {}, projection = {}) {
    return new Cursor((options) => this.all(this.run("find", { filter, projection, ...options })));
  }
  findOne(filter = {}, projection = {}) { return this.find(filter, projection).limit(1).toArray()[0] ?? null; }
  aggregate(pipeline) { return new Cursor(() => this.all(this.run("aggregate", { pipeline, cursor: {} }))); }
  countDocuments(query = {}) { return this.run("count", { query }).n; }
  estimatedDocumentCount() { return this.countDocuments(); }
  insertMany(documents) { return this.written(this.run("insert", { documents })); }
  insertOne(document) { return this.insertMany([document]); }
  update(q, u, multi, options) { return this.written(this.run("update", { updates: [{ q, u, multi, upsert: !!options?.upsert }] })); }
  updateOne(filter, change, options) { return this.update(filter, change, false, options); }
  updateMany(filter, change, options) { return this.update(filter, change, true, options); }
  replaceOne(filter, document, options) { return this.update(filter, document, false, options); }
  deleteOne(q) { return this.written(this.run("delete", { deletes: [{ q, limit: 1 }] })); }
  deleteMany(q) { return this.written(this.run("delete", { deletes: [{ q, limit: 0 }] })); }
  written(answer) {
    if (answer.writeErrors) throw new MongoServerError(answer.writeErrors[0]);
    return { acknowledged: true, n: answer.n };
  }
  createIndex(key, options = {}) {
    const name = options.name ?? Object.entries(key).flat().join("_");
    this.run("createIndexes", { indexes: [{ key, ...options, name }] });
    return name;
  }
  getIndexes() { return this.all(this.run("listIndexes", {})); }
  drop() { return this.run("drop", {}).ok === 1; }
}
class Database {
  constructor(name) { this.name = name; }
  getName() { return this.name; }
  getSiblingDB(name) { return database(name); }
  getMongo() { return { getDB: database, getDBNames: () => this.adminCommand({ listDatabases: 1 }).databases.map((each) => each.name) }; }
  runCommand(command) { return run(this.name, typeof command === "string" ? { [command]: 1 } : command); }
  adminCommand(command) { return database("admin").runCommand(command); }
  getCollection(name) { return new Collection(this.name, name); }
  getCollectionNames() { return new Collection(this.name, "").all(this.runCommand({ listCollections: 1 })).map((each) => each.name); }
  createCollection(name, options = {}) { return this.runCommand({ create: name, ...options }); }
  auth(user, pwd) {
    native.auth(this.name, user.user ?? user, pwd ?? user.pwd);
    return { ok: 1 };
  }
  hello() { return this.runCommand("hello"); }
  isMaster() { return this.hello(); }
  stats() { return this.runCommand({ dbStats: 1 }); }
  serverStatus() { return this.adminCommand({ serverStatus: 1 }); }
  version() { return this.adminCommand({ buildInfo: 1 }).version; }
  dropDatabase() { return this.runCommand({ dropDatabase: 1 }); }
  createUser({ user, ...rest }) { return this.runCommand({ createUser: user, ...rest }); }
  updateUser(user, change) { return this.runCommand({ updateUser: user, ...change }); }
  changeUserPassword(user, pwd) { return this.updateUser(user, { pwd }); }
  grantRolesToUser(user, roles) { return this.runCommand({ grantRolesToUser: user, roles }); }
  dropUser(user) { return this.runCommand({ dropUser: user }).ok === 1; }
  getUsers() { return this.runCommand({ usersInfo: 1 }); }
  getUser(user) { return this.runCommand({ usersInfo: user }).users[0] ?? null; }
}
function database(name) {
  return new Proxy(new Database(name), {
    get: (target, key) => (key in target || typeof key === "symbol" ? target[key] : target.getCollection(key)),
  });
}
var db = database(native.database);
const rs = {
  initiate: (config = {}) => db.adminCommand({ replSetInitiate: config }),
  reconfig: (config) => db.adminCommand({ replSetReconfig: config }),
  status: () => db.adminCommand({ replSetGetStatus: 1 }),
  conf: () => db.adminCommand({ replSetGetConfig: 1 }).config,
  config: () => rs.conf(),
  stepDown: () => db.adminCommand({ replSetStepDown: 60 }),
  hello: () => db.hello(),
  isMaster: () => db.hello(),
};
const print = (...values) => native.write(values.map((each) => inspect(each)).join(" "));
const printjson = print;
const console = { log: print, error: print };
const sleep = (milliseconds) => native.sleep(milliseconds);
const quit = (code = 0) => native.exit(code);
const exit = quit;
const process = { env: native.environment, exit: quit };
const require = (name) => {
  if (name !== "fs") throw new Error(`a stand-in for mongosh has no module ${name}`);
  return { readFileSync: (path) => native.read(path) };
};
const EJSON = { stringify: (value) => JSON.stringify(value), parse: (text) => JSON.parse(text) };
const ISODate = (text) => new Date(text ?? Date.now());
const ObjectId = (text) => ({ $oid: text });
const NumberInt = (number) => Number(number);
const NumberLong = NumberInt;
