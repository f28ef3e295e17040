// SPDX-License-Identifier: Apache-2.0
/**
 * A broker in memory, which does as libcoap's server does: PUT makes resources, observers are told of the
 * newest when they have acknowledged the one before, discovery filters by prefix. It can be away, and it
 * can lose everything.
 *
 * @module
 */

import { fromUtf8, utf8, WaxwingError } from '@waxwing/core'
import type { Handler, NotificationListener, Request, Response } from '../../src/handler.js'
import { blockwiseServer } from '../../src/blockwise/index.js'
import { METHOD, RESPONSE } from '../../src/codes.js'
import { OPTION, optionValues, readUint, uintOption } from '../../src/options.js'
import { filterLinks } from '../../src/resources/link-filter.js'
import { formatLinkFormat } from '../../src/resources/link-format.js'

interface Resource {
  payload: Uint8Array
  readonly observers: Set<Observer>
}

interface Observer {
  readonly listener: NotificationListener
  isBusy: boolean
  isDirty: boolean
}

const EMPTY = new Uint8Array(0)

export class MemoryBroker {
  readonly #resources = new Map<string, Resource>()
  readonly #maxResources: number
  #isAway = false
  #observeCount = 0
  /** What was written, in its order. */
  readonly writes: { path: string; payload: Uint8Array }[] = []
  /** `GET /a/b`, in their order. */
  readonly requests: string[] = []
  /** Answers instead of the broker, where it returns a code. */
  refuse: (method: number, path: string) => number | undefined = () => undefined

  /** Answers 2.01 to what makes a resource. */
  admitsNews = true
  /** Does not answer, where it is true. */
  ignore: (path: string) => boolean = () => false
  /** What is kept of a payload. */
  keep: (payload: Uint8Array) => Uint8Array = (payload) => payload
  /** Discovery answers this, where it is set. */
  listing: string | undefined
  /** Discovery is refused, where it is true of the query. */
  refuseListing: (query: string) => boolean = () => false
  /** Requests for these are answered never. */
  readonly #hanging = new Map<string, () => void>()

  constructor({ maxResources = 10_000 }: { maxResources?: number } = {}) {
    this.#maxResources = maxResources
  }

  /** The paths that there are, beginning with a slash. */
  get paths(): readonly string[] {
    return [...this.#resources.keys()]
  }

  /** Whether every notification was acknowledged. */
  get idle(): boolean {
    const observers = this.#resources.values().flatMap((resource) => resource.observers)
    return observers.every(({ isBusy, isDirty }) => !isBusy && !isDirty)
  }

  observersOf(path: string): number {
    return this.#resources.get(path)?.observers.size ?? 0
  }

  /** Writes a resource, as somebody does who is no transport of ours. */
  set(path: string, payload: Uint8Array): void {
    this.#put(path, payload, this.#resources.get(path))
  }

  /** Writes a resource and tells no observer. */
  setQuietly(path: string, payload: Uint8Array): void {
    const resource = this.#resources.get(path)
    if (resource !== undefined) resource.payload = payload
  }

  remove(path: string): void {
    const resource = this.#resources.get(path)
    if (resource !== undefined) this.#delete(path, resource)
  }

  /** Nobody is answered or notified until it is back. */
  leave(): void {
    this.#isAway = true
  }

  /** Is there again, with what it had. Observers stay registered, as over UDP. */
  comeBack(): void {
    this.#isAway = false
    for (const resource of this.#resources.values()) this.#notify(resource)
  }

  /** Loses its resources, and with them who observes. */
  forget(): void {
    this.#resources.clear()
  }

  /** Never answers a request for this path. @returns When the first one came. */
  hang(path: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#hanging.set(path, resolve)
    return promise
  }

  /** For whoever makes blocks of bodies before it. */
  readonly resources: Handler = (request) => this.#handle(request)
  /** Takes and gives bodies in blocks. */
  readonly handler: Handler = blockwiseServer()(this.resources)

  async #handle(request: Request): Promise<Response> {
    await new Promise((resolve) => setImmediate(resolve))
    if (request.signal.aborted) throw request.signal.reason
    const path = `/${segments(request).join('/')}`
    if (this.#isAway || this.ignore(path)) throw new WaxwingError('ERR_TIMEOUT', 'nobody answered')
    this.requests.push(`${request.code} ${path}`)
    if (this.#hanging.has(path)) await this.#hangUntilAborted(request, path)
    const refusal = this.refuse(request.code, path)
    if (refusal !== undefined) return respond(refusal)
    if (path === '/.well-known/core') return this.#list(request)
    return this.#answer(request, path)
  }

  async #hangUntilAborted({ signal }: Request, path: string): Promise<never> {
    this.#hanging.get(path)?.()
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    throw signal.reason
  }

  #answer(request: Request, path: string): Response {
    const resource = this.#resources.get(path)
    if (request.code === METHOD.PUT) return this.#put(path, request.payload, resource)
    if (resource === undefined) return respond(RESPONSE.notFound)
    if (request.code === METHOD.GET) return this.#get(request, resource)
    return this.#delete(path, resource)
  }

  #delete(path: string, resource: Resource): Response {
    this.#resources.delete(path)
    for (const { listener } of resource.observers) {
      void listener.next(respond(RESPONSE.notFound))
      listener.end()
    }
    return respond(RESPONSE.deleted)
  }

  #put(path: string, written: Uint8Array, resource: Resource | undefined): Response {
    const payload = this.keep(written)
    if (resource === undefined && this.#resources.size >= this.#maxResources) {
      return respond(RESPONSE.notAcceptable)
    }
    this.writes.push({ path, payload })
    if (resource === undefined) {
      this.#resources.set(path, { payload, observers: new Set() })
      return respond(this.admitsNews ? RESPONSE.created : RESPONSE.changed)
    }
    resource.payload = payload
    for (const observer of resource.observers) observer.isDirty = true
    this.#notify(resource)
    return respond(RESPONSE.changed)
  }

  #get(request: Request, resource: Resource): Response {
    const { payload } = resource
    const [observe] = optionValues(request, OPTION.observe)
    if (observe === undefined || readUint(observe) !== 0) return respond(RESPONSE.content, payload)
    return {
      ...this.#content(payload),
      notifications: (listener) => {
        const observer = { listener, isBusy: false, isDirty: payload !== resource.payload }
        resource.observers.add(observer)
        request.signal.addEventListener('abort', () => resource.observers.delete(observer))
        this.#notify(resource)
      },
    }
  }

  #notify(resource: Resource): void {
    for (const observer of resource.observers) {
      if (this.#isAway || observer.isBusy || !observer.isDirty) continue
      observer.isBusy = true
      observer.isDirty = false
      setImmediate(() => void this.#tell(resource, observer))
    }
  }

  async #tell(resource: Resource, observer: Observer): Promise<void> {
    await observer.listener.next(this.#content(resource.payload))
    observer.isBusy = false
    this.#notify(resource)
  }

  #content(payload: Uint8Array): Response {
    const options = [uintOption(OPTION.observe, ++this.#observeCount)]
    return { code: RESPONSE.content, options, payload: payload.slice() }
  }

  #list(request: Request): Response {
    if (this.listing !== undefined) return respond(RESPONSE.content, utf8(this.listing))
    const query = optionValues(request, OPTION.uriQuery).map(fromUtf8)
    if (query.some(this.refuseListing)) return respond(RESPONSE.serviceUnavailable)
    const hrefs = this.paths.map((path) => path.split('/').map(encodeURIComponent).join('/'))
    const links = hrefs.map((href) => ({ href, attributes: { obs: true } as const }))
    const text = formatLinkFormat(filterLinks(links, query))
    return respond(RESPONSE.content, utf8(text))
  }
}

function respond(code: number, payload: Uint8Array = EMPTY): Response {
  return { code, options: [], payload: payload.slice() }
}

function segments(request: Request): readonly string[] {
  return optionValues(request, OPTION.uriPath).map(fromUtf8)
}
