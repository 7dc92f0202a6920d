import { Lexer, Parser } from 'yaml';

/**
 * The offset of the first collection of the text that lies within more than `depthMax - 1` others; undefined when none does. The YAML
 * parser's first half is a loop and its second composes by recursion: out of stack there, in the midst of a regular expression, V8 does
 * not throw but ends the process (1,000 times `- ` are enough). Ask this before a text from outside is parsed.
 */
export function nestingBeyond(text: string, depthMax: number): number | undefined {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    const { offset } = parser;
    // Going through what it gives is what moves it on.
    for (const _document of parser.next(lexeme));
    // The document itself, the collections, and the scalar under way.
    if (parser.stack.length > depthMax + 2) return Math.min(offset, text.length);
  }
  return undefined;
}
