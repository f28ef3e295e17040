// SPDX-License-Identifier: Apache-2.0
/**
 * Counts which blocks of a program ran, and how often: each block, branch, case and right side of
 * `&&`, `||` and `??` gets a counter. What is inserted stays on the line it is for, so
 * that stacks still fit.
 *
 * @module
 */

import ts from 'typescript'

/** Counters of blocks, shared by all modules that were instrumented. */
export interface Edges {
  readonly counters: Uint32Array
  /** How many of the counters are in use. */
  count: number
}

/** Room for several times the blocks of what is instrumented. */
const MAX_EDGES = 32_768
const NAME = '__waxwingEdges'

type Insertion = readonly [at: number, text: string]

/** The counters of this process; the same ones at every call. */
export function edgesOfProcess(): Edges {
  const holder = globalThis as { [NAME]?: Edges }
  holder[NAME] ??= { counters: new Uint32Array(MAX_EDGES), count: 0 }
  return holder[NAME]
}

/** Inserts the counters into a module. @throws {RangeError} If there are no more counters. */
export function withCounters(source: string, edges: Edges): string {
  const file = ts.createSourceFile('module.js', source, ts.ScriptTarget.Latest, true)
  const insertions: Insertion[] = [[0, `const __e = globalThis.${NAME}.counters; `]]
  const count = (): string => {
    if (edges.count >= MAX_EDGES) throw new RangeError('there are more blocks than counters')
    return `__e[${edges.count++}]++`
  }
  const visit = (node: ts.Node): void => {
    insertions.push(...insertionsFor(node, count))
    ts.forEachChild(node, visit)
  }
  visit(file)
  return inserted(source, insertions)
}

function insertionsFor(node: ts.Node, count: () => string): Insertion[] {
  if (ts.isBlock(node)) return [[node.getStart() + 1, `${count()};`]]
  if (ts.isCaseOrDefaultClause(node)) return [[endOfLabel(node), `${count()};`]]
  if (ts.isConditionalExpression(node)) {
    return [...counted(node.whenTrue, count), ...counted(node.whenFalse, count)]
  }
  if (ts.isBinaryExpression(node) && isShortCircuit(node.operatorToken.kind)) {
    return counted(node.right, count)
  }
  if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) return counted(node.body, count)
  return bareBodies(node).flatMap((body) => [
    [body.getStart(), `{${count()};`],
    [body.end, '}'],
  ])
}

/** Bodies of `if` and loops that stand without braces. */
function bareBodies(node: ts.Node): readonly ts.Statement[] {
  const bodies = ts.isIfStatement(node)
    ? [node.thenStatement, ...(node.elseStatement === undefined ? [] : [node.elseStatement])]
    : ts.isIterationStatement(node, false)
      ? [node.statement]
      : []
  return bodies.filter((body) => !ts.isBlock(body))
}

function counted(expression: ts.Expression, count: () => string): Insertion[] {
  return [
    [expression.getStart(), `(${count()},`],
    [expression.end, ')'],
  ]
}

function isShortCircuit(kind: ts.SyntaxKind): boolean {
  return (
    kind === ts.SyntaxKind.AmpersandAmpersandToken ||
    kind === ts.SyntaxKind.BarBarToken ||
    kind === ts.SyntaxKind.QuestionQuestionToken
  )
}

/** Behind the colon. */
function endOfLabel(clause: ts.CaseOrDefaultClause): number {
  const colon = clause.getChildren().find(({ kind }) => kind === ts.SyntaxKind.ColonToken)
  return colon?.end ?? clause.end
}

/** Insertions of a node come before those of what is in it, and so stay outside of them. */
function inserted(source: string, insertions: readonly Insertion[]): string {
  const openings = new Map<number, string>()
  const closings = new Map<number, string>()
  for (const [at, text] of insertions) {
    if (text === ')' || text === '}') closings.set(at, `${text}${closings.get(at) ?? ''}`)
    else openings.set(at, `${openings.get(at) ?? ''}${text}`)
  }
  const places = [...new Set([...openings.keys(), ...closings.keys()])].toSorted((a, b) => a - b)
  let result = ''
  let from = 0
  for (const at of places) {
    result += source.slice(from, at) + (closings.get(at) ?? '') + (openings.get(at) ?? '')
    from = at
  }
  return result + source.slice(from)
}
