// SPDX-License-Identifier: Apache-2.0
/**
 * Checks what the documents promise: TypeScript in `README.md` and `docs/guide/` compiles against
 * the built packages, as a reader's own code would, and blocks marked `ts run` run; links lead to
 * files; npm scripts exist (`doc-modules.ts` and `markdown.ts` say what is read).
 *
 * @module
 */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { docModules, type DocModule } from './doc-modules.ts'
import { fileLinks, npmScripts } from './markdown.ts'
import { repositoryFiles } from './repository-files.ts'
import { ROOT, readJson, type Manifest } from './workspaces.ts'

const FOLDER = join(ROOT, 'build/docs')
const RUN_TIMEOUT_MS = 60_000

function checkDocs(): string[] {
  const compiled = ['README.md', ...repositoryFiles(/^docs\/guide\/[^/]+\.md$/)]
  if (!existsSync(join(ROOT, 'README.md'))) return ['README.md is missing']
  const found = compiled.map((page) => docModules(page, readFileSync(join(ROOT, page), 'utf8')))
  const modules = found.flatMap((page) => page.modules)
  const files = writeModules(modules)
  const problems = [
    ...found.flatMap((page) => page.problems),
    ...typeProblems(files),
    ...repositoryFiles(/\.md$/).flatMap(proseProblems),
  ]
  const runnable = [...files].filter(([, { run }]) => run)
  console.log(
    `${modules.length} modules of ${compiled.length} pages, ${runnable.length} of them run`,
  )
  return [...problems, ...runnable.flatMap(([file, module]) => runProblems(file, module))]
}

function writeModules(modules: readonly DocModule[]): ReadonlyMap<string, DocModule> {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  return new Map(
    modules.map((module) => {
      const file = join(FOLDER, `${module.page.replaceAll('/', '_')}.${module.line}.ts`)
      writeFileSync(file, module.text)
      return [file, module]
    }),
  )
}

function typeProblems(files: ReadonlyMap<string, DocModule>): string[] {
  const base = ts.readConfigFile(join(ROOT, 'tsconfig.base.json'), (path) => ts.sys.readFile(path))
  const { compilerOptions } = base.config as { compilerOptions: object }
  // A reader's example need not use all that it declares, and nobody declares its types.
  const overrides = {
    noEmit: true,
    composite: false,
    declaration: false,
    isolatedDeclarations: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    tsBuildInfoFile: undefined,
  }
  const json = { compilerOptions: { ...compilerOptions, ...overrides }, files: [...files.keys()] }
  const { options, fileNames } = ts.parseJsonConfigFileContent(json, ts.sys, ROOT)
  const program = ts.createProgram(fileNames, options)
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')
    if (diagnostic.file === undefined) return message
    const { line } = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start ?? 0)
    const page = files.get(diagnostic.file.fileName)?.page ?? diagnostic.file.fileName
    return `${page}:${line + 1}: ${message}`
  })
}

function runProblems(file: string, { page, line }: DocModule): string[] {
  const cwd = mkdtempSync(join(tmpdir(), 'waxwing-docs-'))
  try {
    execFileSync(process.execPath, [file], { cwd, timeout: RUN_TIMEOUT_MS, stdio: 'pipe' })
    return []
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    return [`${page}:${line}: the block fails when run: ${said}`]
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

function proseProblems(page: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8')
  const { scripts = {} } = readJson<Manifest>(join(ROOT, 'package.json'))
  const dead = fileLinks(text).filter((target) => !existsSync(join(ROOT, dirname(page), target)))
  const unknown = npmScripts(text).filter((name) => scripts[name] === undefined)
  return [
    ...dead.map((target) => `${page}: the link to ${target} leads nowhere`),
    ...unknown.map((name) => `${page}: there is no npm script "${name}"`),
  ]
}

const problems = checkDocs()
for (const problem of problems) console.error(problem)
process.exitCode = problems.length === 0 ? 0 : 1
