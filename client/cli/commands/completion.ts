import { defineCommand, firstWord } from '../command.js';
import { bash } from '../completion/bash.js';
import { fish } from '../completion/fish.js';
import { zsh } from '../completion/zsh.js';
import { exit } from '../exit.js';
import { didYouMean } from '../near.js';
import { usage } from '../usage.js';

const shells = { bash, zsh, fish };
const names = ['bash', 'zsh', 'fish'] as const;

export const completion = defineCommand({
  name: 'completion',
  summary: 'Print a completion script for bash, zsh or fish.',
  positionals: [{ name: 'SHELL', completes: names }],
  examples: [
    'source <(thaw completion bash)',
    'thaw completion zsh > "${fpath[1]}/_thaw"',
    'thaw completion fish > ~/.config/fish/completions/thaw.fish',
  ],
  run({ words }, cli) {
    const word = firstWord(words);
    const shell = names.find((name) => name === word);
    if (shell === undefined)
      throw usage(
        `There is no completion for ${word}${didYouMean(word, names)}`,
        `One of ${names.join(', ')}`,
      );
    cli.out.write(shells[shell](cli.commands));
    return Promise.resolve(exit.ok);
  },
});
