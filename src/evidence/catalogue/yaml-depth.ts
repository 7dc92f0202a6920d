import { Lexer, Parser } from 'yaml';

/**
 * True when more than `depthMax` collections of the text lie within one another. The YAML parser's first half is a loop and its second
 * composes by recursion: out of stack there, in the midst of a regular expression, V8 does not throw but ends the process (1,000 times
 * `- ` are enough). Ask this before a text from outside is parsed.
 */
export function nestsDeeperThan(text: string, depthMax: number): boolean {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    // Going through what it gives is what moves it on.
    for (const _document of parser.next(lexeme));
    // The document itself, the collections, and the scalar under way.
    if (parser.stack.length > depthMax + 2) return true;
  }
  return false;
}
