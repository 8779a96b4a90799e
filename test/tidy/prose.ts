// Which parts of a file are sentences: comments and strings of code, documents without their code.
import ts from 'typescript'
import { parse, visit } from './syntax.ts'

/** Replaces a character that belongs to no sentence. */
const noProse = '\u0000'

type Range = readonly [from: number, to: number]

/**
 * The file with the same offsets and lines, but without everything that is not a sentence. The
 * marks of a comment become blanks, so that a sentence may continue in the next line.
 */
export function proseOf (path: string, text: string): string {
  if (path.endsWith('.md')) return blank(text, rangesOf(text, codeOfDocument))
  const prose = new Uint8Array(text.length)
  for (const [from, to] of sentencesOf(path, text)) prose.fill(1, from, to)
  return [...text.matchAll(/[^\n]*\n?/g)].map(({ 0: line, index }) => line
    .replace(/^(\s*)(\/\/|\/?\*+\/?)/, (marks) => ' '.repeat(marks.length))
    .replace(/\S/g, (sign, at: number) => prose[index + at] === 1 ? sign : noProse)).join('')
}

const codeOfDocument = /```[\s\S]*?```|`[^`\n]*`/g
const comments = /(?<=^|[\s;{}(),])\/\/.*|\/\*[\s\S]*?\*\//gm
const cppTexts = /"(?:[^"\\\n]|\\.)*"/g

function sentencesOf (path: string, text: string): readonly Range[] {
  const texts = /\.(ts|mjs|js)$/.test(path) ? textsOf(parse(path, text)) : rangesOf(text, cppTexts)
  return [...rangesOf(text, comments), ...texts]
}

function textsOf (file: ts.SourceFile): readonly Range[] {
  const found: Range[] = []
  visit(file, (node) => {
    const isText = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) ||
      ts.isTemplateMiddle(node) || ts.isTemplateTail(node)
    if (isText) found.push([node.getStart(file), node.getEnd()])
  })
  return found
}

function rangesOf (text: string, pattern: RegExp): readonly Range[] {
  return [...text.matchAll(pattern)].map((match) => [match.index, match.index + match[0].length])
}

function blank (text: string, ranges: readonly Range[]): string {
  return ranges.reduce((blanked, [from, to]) => blanked.slice(0, from) +
    blanked.slice(from, to).replace(/\S/g, noProse) + blanked.slice(to), text)
}
