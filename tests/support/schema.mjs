// A small part of JSON Schema, enough to hold what we send against a provider's published
// description: node tests/support/schema.mjs DESCRIPTION.json SchemaName < one JSON value a line
// Exit 0 when every line fits; else each misfit is told. Formats and defaults are not looked at;
// a keyword that is not known here is an error, so that nothing passes unseen.
import { readFileSync } from 'node:fs';

const ignored = new Set(['title', 'description', 'default', 'format', 'example', 'examples', 'deprecated']);

const typeOf = (value) =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;

const isType = (type, value) =>
  type === 'integer' ? Number.isInteger(value) : type === typeOf(value);

const equal = (a, b) => JSON.stringify(a) === JSON.stringify(b);

const fitting = (schemas, value, at, root) =>
  schemas.filter((schema) => check(schema, value, at, root).length === 0).length;

// The closest of several schemas speaks for all: the one with the fewest misfits.
function closest(schemas, value, at, root) {
  const misfits = schemas.map((schema) => check(schema, value, at, root));
  return misfits.sort((a, b) => a.length - b.length)[0];
}

const isObject = (value) => typeOf(value) === 'object';
const length = (value) => [...value].length;

const keywords = {
  $ref: (name, value, at, root) =>
    check(name.split('/').slice(1).reduce((node, key) => node[key], root), value, at, root),
  type: (type, value, at) =>
    [type].flat().some((one) => isType(one, value)) ? [] : [`${at} is not ${[type].flat().join(' or ')}`],
  const: (wanted, value, at) => (equal(wanted, value) ? [] : [`${at} is not ${JSON.stringify(wanted)}`]),
  enum: (all, value, at) => (all.some((one) => equal(one, value)) ? [] : [`${at} is none of ${all}`]),
  required: (names, value, at) =>
    isObject(value) ? names.filter((name) => !(name in value)).map((name) => `${at} has no ${name}`) : [],
  properties: (all, value, at, root) =>
    isObject(value)
      ? Object.keys(all).filter((name) => name in value).flatMap((name) => check(all[name], value[name], `${at}.${name}`, root))
      : [],
  additionalProperties: (rest, value, at, root, schema) => {
    if (!isObject(value)) return [];
    const more = Object.keys(value).filter((name) => !(name in (schema.properties ?? {})));
    if (rest === false) return more.map((name) => `${at} has ${name}`);
    return rest === true ? [] : more.flatMap((name) => check(rest, value[name], `${at}.${name}`, root));
  },
  items: (schema, value, at, root) =>
    Array.isArray(value) ? value.flatMap((item, i) => check(schema, item, `${at}[${i}]`, root)) : [],
  minItems: (n, value, at) => (Array.isArray(value) && value.length < n ? [`${at} has under ${n} items`] : []),
  maxItems: (n, value, at) => (Array.isArray(value) && value.length > n ? [`${at} has over ${n} items`] : []),
  uniqueItems: (on, value, at) =>
    on && Array.isArray(value) && new Set(value.map((item) => JSON.stringify(item))).size < value.length
      ? [`${at} has an item twice`] : [],
  minLength: (n, value, at) => (typeof value === 'string' && length(value) < n ? [`${at} is under ${n} long`] : []),
  maxLength: (n, value, at) => (typeof value === 'string' && length(value) > n ? [`${at} is over ${n} long`] : []),
  pattern: (text, value, at) =>
    typeof value === 'string' && !new RegExp(text, 'u').test(value) ? [`${at} does not match ${text}`] : [],
  minimum: (n, value, at) => (typeof value === 'number' && value < n ? [`${at} is under ${n}`] : []),
  maximum: (n, value, at) => (typeof value === 'number' && value > n ? [`${at} is over ${n}`] : []),
  not: (schema, value, at, root) => (check(schema, value, at, root).length ? [] : [`${at} may not fit`]),
  allOf: (all, value, at, root) => all.flatMap((schema) => check(schema, value, at, root)),
  anyOf: (all, value, at, root) => (fitting(all, value, at, root) ? [] : closest(all, value, at, root)),
  oneOf: (all, value, at, root) => {
    const n = fitting(all, value, at, root);
    return n === 1 ? [] : n > 1 ? [`${at} fits ${n} schemas`] : closest(all, value, at, root);
  },
};

function check(schema, value, at, root) {
  return Object.entries(schema).flatMap(([name, rule]) => {
    if (ignored.has(name)) return [];
    if (!keywords[name]) throw new Error(`schema.mjs does not know "${name}"`);
    return keywords[name](rule, value, at, root, schema);
  });
}

const [, , description, name] = process.argv;
const root = JSON.parse(readFileSync(description, 'utf8'));
const schema = root.components.schemas[name];
let wrong = 0;
const lines = readFileSync(0, 'utf8').split('\n').filter(Boolean);
for (const [i, line] of lines.entries()) {
  const misfits = check(schema, JSON.parse(line), `line ${i + 1}`, root);
  for (const misfit of misfits) console.error(misfit);
  wrong += misfits.length > 0;
}
if (lines.length === 0 || wrong > 0) {
  console.error(`${wrong} of ${lines.length} do not fit ${name}`);
  process.exit(1);
}
