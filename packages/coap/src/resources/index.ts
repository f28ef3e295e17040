// SPDX-License-Identifier: Apache-2.0
/**
 * Resources of a server, and how they are discovered.
 *
 * @module
 */

export { Changes } from './changes.js'
export { formatLinkFormat, type Link, type LinkAttributes, parseLinkFormat } from './link-format.js'
export { filterLinks } from './link-filter.js'
export type { Resource, ResourceAttributes, ResourceHandler, ResourceResponse } from './resource.js'
export { ResourceRequest, UnreadablePayload } from './resource-request.js'
export { resources, type ResourcesOptions } from './resources.js'
