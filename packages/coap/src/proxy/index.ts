// SPDX-License-Identifier: Apache-2.0
/**
 * Proxies: from CoAP to CoAP, with a cache, and between HTTP and CoAP.
 *
 * @module
 */

export { type CacheStats, caching, type Caching, type CachingOptions } from './caching.js'
export type { CacheLimits } from './response-store.js'
export { forwardProxy, type ForwardProxyOptions } from './forward-proxy.js'
export type { ForwardingOptions } from './forwarding.js'
export type { AuthorizeHttp, CrossProxyingOptions } from './cross-proxying.js'
export {
  httpCrossProxy,
  type HttpCrossProxy,
  type HttpCrossProxyOptions,
} from './http-cross-proxy.js'
export { httpNetwork, type HttpNetwork, type HttpNetworkOptions } from './http-network.js'
export type { OwnSiteOptions } from './own-site.js'
export { reverseProxy, type ReverseProxyOptions, type ReverseRoute } from './reverse-proxy.js'
export type { AllowedTargets, ProxyTarget } from './target.js'
