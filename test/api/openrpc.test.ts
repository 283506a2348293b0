import * as metaSchema from '@open-rpc/meta-schema';
import t from 'tap';
import { z } from 'zod';
import { errorRegistry } from '../../daemon/api/errors/index.js';
import { methods } from '../../daemon/api/index.js';
import { openrpcDocument } from '../../daemon/api/openrpc.js';

/** The meta-schema as a checker. Its types name the document's type only; what it refers to elsewhere is left open. */
function checker(): z.ZodType {
  const { openrpcDocument: schema } = metaSchema as unknown as { openrpcDocument: object };
  const text = JSON.stringify(schema, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('$ref' in value)) return value;
    return String(value.$ref).startsWith('https:') ? {} : value;
  });
  const local = { ...(JSON.parse(text) as object), $schema: 'http://json-schema.org/draft-07/schema#' };
  return z.fromJSONSchema(local as Parameters<typeof z.fromJSONSchema>[0]);
}

void t.test('the document is OpenRPC, and what it should catch it catches', (t) => {
  const check = checker();
  const document = JSON.parse(JSON.stringify(openrpcDocument())) as Record<string, unknown> & {
    methods: object[];
  };
  const checked = check.safeParse(document);
  t.ok(checked.success, JSON.stringify(checked.error?.issues));
  t.notOk(check.safeParse({ ...document, methods: 'none' }).success);
  t.notOk(check.safeParse({ ...document, info: {} }).success);
  t.notOk(check.safeParse({ ...document, methods: [{ ...document.methods[0], colour: 'red' }] }).success);
  t.end();
});

void t.test('it tells every method’s params, result and errors', (t) => {
  const document = openrpcDocument();
  t.strictSame(
    document.methods.map((method) => ('name' in method ? method.name : null)),
    Object.keys(methods),
  );
  t.match(
    document.methods.find((method) => 'name' in method && method.name === 'snapshot.restore'),
    {
      paramStructure: 'by-name',
      params: [
        { name: 'snapshot', required: true, schema: { type: 'string' } },
        { name: 'count', required: false },
      ],
      result: { schema: { properties: { clones: { type: 'array' } } } },
      'x-access': 'change',
    },
  );
  const errors = JSON.stringify(document);
  t.match(errors, /"code":2001,"message":"There is no VM \{vm\}","data":\{"reason":"vm-unknown"/);
  t.end();
});

void t.test('codes and reasons of errors are unique, positive, and told apart from the client’s', (t) => {
  const codes = errorRegistry.map((error) => error.code);
  t.equal(new Set(codes).size, codes.length);
  t.equal(new Set(errorRegistry.map((error) => error.reason)).size, codes.length);
  t.ok(codes.every((code) => code > 0 && (code < 1900 || code > 1999)));
  t.end();
});
