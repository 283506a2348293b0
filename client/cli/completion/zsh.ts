import type { Command, Completes } from '../command.js';
import { cases, groupsOf, nodesOf, valued } from './model.js';

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
/** A word and its meaning, as `_describe` takes it. */
const described = (word: string, meaning: string): string =>
  quote(`${word.replaceAll(':', '\\:')}:${meaning}`);

function offer(completes: Completes): string {
  if (completes === 'file') return '_files';
  if (typeof completes === 'string') return `compadd -- \${(f)"$(thaw __names ${completes} 2>/dev/null)"}`;
  return completes.length === 0 ? ':' : `compadd -- ${completes.map(quote).join(' ')}`;
}

/** The completion script for zsh: to be sourced, or put into a folder of `fpath` as `_thaw`. */
export function zsh(commands: readonly Command[]): string {
  const nodes = nodesOf(commands);
  const lines = [
    '#compdef thaw',
    '# Completion of thaw for zsh, made by `thaw completion zsh`.',
    '_thaw() {',
    '  local at="" word',
    '  local -i count=0 value=0 i',
    '  local -a offers',
    '  for ((i = 2; i < CURRENT; i++)); do',
    '    if ((value)); then value=0; continue; fi',
    '    word="${words[i]}"',
    '    case "$word" in',
    `      ${valued(nodes).join('|')}) value=1 ;;`,
    '      -*) ;;',
    '      *)',
    '        case "$at" in',
    '          "") at="$word" ;;',
    ...groupsOf(nodes).map((group) => `          ${quote(group)}) at="$at $word" ;;`),
    '          *) count=$((count + 1)) ;;',
    '        esac ;;',
    '    esac',
    '  done',
    '  if ((value)); then',
    '    case "$at ${words[CURRENT-1]}" in',
    ...cases(nodes, 'option').map(({ at, completes }) => `      ${quote(at)}) ${offer(completes)} ;;`),
    '    esac',
    '    return',
    '  fi',
    '  if [[ "${words[CURRENT]}" == -* ]]; then',
    '    case "$at" in',
    ...nodes.map(
      (node) =>
        `      ${quote(node.path)}) offers=(${node.options
          .flatMap(({ long, short, summary }) => [
            described(`--${long}`, summary),
            ...(short === null ? [] : [described(`-${short}`, summary)]),
          ])
          .join(' ')}) ;;`,
    ),
    '    esac',
    "    _describe -o 'option' offers",
    '    return',
    '  fi',
    '  case "$at" in',
    ...nodes
      .filter((node) => node.words.length > 0)
      .map(
        (node) =>
          `    ${quote(node.path)}) offers=(${node.words.map(({ word, summary }) => described(word, summary)).join(' ')}); _describe 'command' offers; return ;;`,
      ),
    ...nodes
      .filter((node) => node.many)
      .map(
        (node) =>
          `    ${quote(node.path)}) ((count > ${node.positionals.length - 1})) && count=${node.positionals.length - 1} ;;`,
      ),
    '  esac',
    '  case "$at $count" in',
    ...cases(nodes, 'positional').map(({ at, completes }) => `    ${quote(at)}) ${offer(completes)} ;;`),
    '  esac',
    '}',
    // Autoloaded, this file is the function's own body the first time; sourced, it only has to register it.
    'if [[ "${funcstack[1]-}" == _thaw ]]; then _thaw "$@"; else compdef _thaw thaw; fi',
  ];
  return `${lines.join('\n')}\n`;
}
