// Which part may import which: the arrows of the design as one ESLint rule. A part may import itself and what stands
// before it; `and` adds what is besides allowed.
import { dirname, relative, resolve } from 'node:path';

const order = [
  'daemon/api',
  'plugins/contract',
  ['daemon/log', 'daemon/config', 'daemon/events', 'daemon/metrics'],
  'daemon/effects',
  ['daemon/operations', 'daemon/systemd'],
  ['daemon/records', 'daemon/vmm', 'daemon/agent', 'daemon/plugins', 'daemon/doctor'],
  'daemon/steps',
  'daemon/vms',
  ['daemon/snapshots', 'daemon/restore'],
  'daemon/containers',
  'daemon/reconcile',
  'daemon/methods',
  'daemon/rpc',
  'daemon/composition',
  'daemon/main',
].map((entry) => [entry].flat());

const within = (path, folder) =>
  path === folder || path.startsWith(`${folder}/`) || path.startsWith(`${folder}.`);
const rankOf = (path) => order.findIndex((entry) => entry.some((folder) => within(path, folder)));

function verdict(from, to) {
  if (within(from, 'test') || within(from, '.config')) return null;
  if (within(to, 'test')) return 'nothing outside test/ imports from it';
  if (within(from, 'client')) {
    return within(to, 'client') || within(to, 'daemon/api')
      ? null
      : 'the client imports only itself and daemon/api';
  }
  if (within(to, 'client')) return 'the client is for others to use, not for the daemon';
  const plugin = within(from, 'plugins') && !within(from, 'plugins/contract');
  if (plugin) {
    const own = from.split('/').slice(0, 2).join('/');
    const allowed = [own, 'plugins/contract', 'daemon/api'].some((folder) => within(to, folder));
    return allowed ? null : 'a plugin imports only itself, plugins/contract and daemon/api';
  }
  if (within(to, 'plugins') && !within(to, 'plugins/contract')) {
    return within(from, 'daemon/composition')
      ? null
      : 'only daemon/composition.ts knows the built-in plugins';
  }
  const [a, b] = [rankOf(from), rankOf(to)];
  if (a < 0 || b < 0) return `${a < 0 ? from : to} has no place in .config/layers.mjs`;
  return b <= a ? null : `${to} stands after ${from} in the order of .config/layers.mjs`;
}

const outside =
  /^(?:node:)?(?:fs|fs\/promises|child_process|net|dgram|http|https)$|^(?:koffi|execa|chokidar)$/;
const mayTouch = (path) =>
  /(?:^|\/)effects\//.test(path) ||
  /^(?:test|client|\.config)\//.test(path) ||
  path === 'daemon/rpc/listen.ts';

export const layers = {
  rules: {
    layers: {
      meta: {
        type: 'problem',
        schema: [],
        messages: { arrow: '{{why}}', effects: '{{what}} belongs into an effects/ folder' },
      },
      create(context) {
        const root = context.cwd;
        const from = relative(root, context.filename);
        const check = (node) => {
          if (!node.source) return;
          const name = node.source.value;
          if (name.startsWith('.')) {
            const why = verdict(
              from,
              relative(root, resolve(dirname(context.filename), name)).replace(/\.js$/, '.ts'),
            );
            if (why) context.report({ node: node.source, messageId: 'arrow', data: { why } });
          } else if (outside.test(name) && node.importKind !== 'type' && !mayTouch(from)) {
            context.report({ node: node.source, messageId: 'effects', data: { what: name } });
          } else if (name === 'tsyringe' && !within(from, 'daemon/composition')) {
            context.report({
              node: node.source,
              messageId: 'arrow',
              data: { why: 'tsyringe stays in daemon/composition' },
            });
          }
        };
        return {
          ImportDeclaration: check,
          ExportNamedDeclaration: check,
          ExportAllDeclaration: check,
          ImportExpression(node) {
            if (node.source.type === 'Literal') check(node);
          },
        };
      },
    },
  },
};
