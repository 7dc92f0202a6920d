import { progress } from '@clack/prompts';
import { printable, type Terminal } from '../terminal.ts';

/** Shows how far a replay has come: a bar where a person watches, a line per file elsewhere. */
export interface ReplayProgress {
  file(name: string): void;
  sent(requests: number): void;
  /** A line that stays. */
  note(text: string): void;
  finish(text: string): void;
}

export function createReplayProgress(terminal: Terminal, requests: number): ReplayProgress {
  if (!terminal.interactive) {
    return {
      file: () => undefined,
      sent: () => undefined,
      note: (text) => terminal.print(text),
      finish: (text) => terminal.print(text),
    };
  }
  const bar = progress({ max: Math.max(1, requests) });
  const notes: string[] = [];
  bar.start('Replaying');
  return {
    file: (name) => bar.message(printable(name)),
    sent: (count) => bar.advance(count),
    // A line printed while the bar is drawn would be drawn over.
    note: (text) => notes.push(text),
    finish(text) {
      bar.stop(printable(text));
      for (const note of notes) terminal.print(note);
    },
  };
}
