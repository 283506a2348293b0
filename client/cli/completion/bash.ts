import type { Command, Completes } from '../command.js';
import { cases, groupsOf, nodesOf, valued } from './model.js';

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function offer(completes: Completes): string {
  if (completes === 'file') return '_thaw_files';
  if (typeof completes === 'string') return `_thaw_offer "$(thaw __names ${completes} 2>/dev/null)"`;
  return completes.length === 0 ? ':' : `_thaw_offer ${quote(completes.join('\n'))}`;
}

/** The completion script for bash. Names that come from the daemon are never expanded by the shell. */
export function bash(commands: readonly Command[]): string {
  const nodes = nodesOf(commands);
  const lines = [
    '# Completion of thaw for bash, made by `thaw completion bash`.',
    '_thaw_offer() {',
    '  local word',
    '  while IFS= read -r word; do',
    '    if [[ -n $word && $word == "$cur"* ]]; then COMPREPLY+=("$word"); fi',
    '  done <<< "$1"',
    '}',
    '_thaw_files() {',
    '  compopt -o filenames 2>/dev/null',
    '  local word',
    '  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$cur")',
    '}',
    '_thaw() {',
    '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"',
    '  local at="" count=0 value=0 i',
    '  COMPREPLY=()',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    if ((value)); then value=0; continue; fi',
    '    case "${COMP_WORDS[i]}" in',
    `      ${valued(nodes).join('|')}) value=1 ;;`,
    '      -*) ;;',
    '      *)',
    '        case "$at" in',
    '          "") at="${COMP_WORDS[i]}" ;;',
    ...groupsOf(nodes).map((group) => `          ${quote(group)}) at="$at \${COMP_WORDS[i]}" ;;`),
    '          *) count=$((count + 1)) ;;',
    '        esac ;;',
    '    esac',
    '  done',
    '  if ((value)); then',
    '    case "$at $prev" in',
    ...cases(nodes, 'option').map(({ at, completes }) => `      ${quote(at)}) ${offer(completes)} ;;`),
    '    esac',
    '    return',
    '  fi',
    '  if [[ $cur == -* ]]; then',
    '    case "$at" in',
    ...nodes.map((node) => {
      const words = node.options.flatMap(({ long, short }) => [
        `--${long}`,
        ...(short === null ? [] : [`-${short}`]),
      ]);
      return `      ${quote(node.path)}) _thaw_offer ${quote(words.join('\n'))} ;;`;
    }),
    '    esac',
    '    return',
    '  fi',
    '  case "$at" in',
    ...nodes
      .filter((node) => node.words.length > 0)
      .map(
        (node) =>
          `    ${quote(node.path)}) _thaw_offer ${quote(node.words.map(({ word }) => word).join('\n'))}; return ;;`,
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
    'complete -F _thaw thaw',
  ];
  return `${lines.join('\n')}\n`;
}
