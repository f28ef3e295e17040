// SPDX-License-Identifier: Apache-2.0
/**
 * Finds where a source reads the platform's clock, randomness, timers or I/O.
 *
 * It looks at names, not at types: a variable that bears the name of a global counts as one, and is
 * better called something else. It does not follow a global through an alias.
 *
 * @module
 */

import ts from 'typescript'
import { AMBIENT_MEMBERS, AMBIENT_NAMES } from './layers.ts'

export interface AmbientUse {
  readonly name: string
  readonly line: number
}

/** Every use of what `layers.ts` lists as ambient, in the order of the text. */
export function ambientUses(syntax: ts.SourceFile): AmbientUse[] {
  const uses: AmbientUse[] = []
  const visit = (node: ts.Node): void => {
    const name = ts.isTypeNode(node) ? undefined : ambientName(node)
    if (name !== undefined) {
      const { line } = syntax.getLineAndCharacterOfPosition(node.getStart(syntax))
      uses.push({ name, line: line + 1 })
    }
    ts.forEachChild(node, visit)
  }
  visit(syntax)
  return uses
}

function ambientName(node: ts.Node): string | undefined {
  if (isClockReading(node)) return 'new Date()'
  if (ts.isPropertyAccessExpression(node)) return ambientMember(node)
  if (!ts.isIdentifier(node) || !AMBIENT_NAMES.has(node.text)) return undefined
  return isValue(node) ? node.text : undefined
}

function isClockReading(node: ts.Node): boolean {
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return false
  if (!ts.isIdentifier(node.expression) || node.expression.text !== 'Date') return false
  return ts.isCallExpression(node) || (node.arguments ?? []).length === 0
}

function ambientMember(node: ts.PropertyAccessExpression): string | undefined {
  const member = node.name.text
  const owner = node.expression.getText()
  if (owner === 'globalThis' && AMBIENT_NAMES.has(member)) return member
  const full = `${owner.replace(/^globalThis\./, '')}.${member}`
  return [member, full].find((name) => AMBIENT_MEMBERS.has(name))
}

/** Tells a use from a member, a key or a declaration that only has the same name. */
function isValue(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isShorthandPropertyAssignment(parent)) return true
  return !('name' in parent && parent.name === node)
}
