import type { Command, Completes } from '../command.js';
import { groupsOf, nodesOf, valued, type Node } from './model.js';

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function offer(completes: Completes): string {
  if (completes === 'file') return '-F';
  if (typeof completes === 'string') return `-a ${quote(`(thaw __names ${completes} 2>/dev/null)`)}`;
  return completes.length === 0 ? '' : `-a ${quote(completes.join(' '))}`;
}

function optionLines(node: Node, when: string): readonly string[] {
  return node.options.map(({ long, short, summary, takesValue, completes }) => {
    const value = takesValue
      ? ` -r ${completes === 'file' ? '-F' : `-f ${offer(completes ?? [])}`}`.trimEnd()
      : '';
    return `complete -c thaw -n ${when}${short === null ? '' : ` -s ${short}`} -l ${long}${value} -d ${quote(summary)}`;
  });
}

function nodeLines(node: Node): readonly string[] {
  const at = (count: string): string => quote(`__thaw_at "${node.path}"${count === '' ? '' : ` ${count}`}`);
  const words = node.words.map(
    ({ word, summary }) => `complete -c thaw -n ${at('')} -a ${quote(word)} -d ${quote(summary)}`,
  );
  const positionals = node.positionals.flatMap((completes, index) => {
    const many = node.many && index === node.positionals.length - 1;
    return completes === null
      ? []
      : [`complete -c thaw -n ${at(many ? '' : String(index))} ${offer(completes)}`];
  });
  return [...words, ...optionLines(node, at('')), ...positionals];
}

/** The completion script for fish. */
export function fish(commands: readonly Command[]): string {
  const nodes = nodesOf(commands);
  const lines = [
    '# Completion of thaw for fish, made by `thaw completion fish`.',
    '# Whether the words typed so far name this command, with that many words after it.',
    'function __thaw_at',
    '    set -l at',
    '    set -l count 0',
    '    set -l value 0',
    '    for word in (commandline -opc)[2..-1]',
    '        if test $value = 1',
    '            set value 0',
    '            continue',
    '        end',
    '        switch $word',
    `            case ${valued(nodes).join(' ')}`,
    '                set value 1',
    "            case '-*'",
    "            case '*'",
    `                if test -z "$at"; or contains -- "$at" ${groupsOf(nodes).join(' ')}`,
    '                    set at (string trim -- "$at $word")',
    '                else',
    '                    set count (math $count + 1)',
    '                end',
    '        end',
    '    end',
    '    test "$at" = "$argv[1]"; and begin',
    '        not set -q argv[2]; or test $count = $argv[2]',
    '    end',
    'end',
    'complete -c thaw -f',
    ...nodes.flatMap(nodeLines),
  ];
  return `${lines.join('\n')}\n`;
}
