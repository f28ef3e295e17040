// SPDX-License-Identifier: Apache-2.0
/**
 * Key handles for the KEMs that this package gives to the `hpke` package: plain objects of its
 * `Key` shape, whose material only the KEM that made them can reach.
 *
 * @module
 */

import type { Key } from 'hpke'

/** Makes handles of one type for one KEM, and finds their material again. */
export class KemKeys<Material> {
  readonly #material = new WeakMap<Key, Material>()
  readonly #name: string
  readonly #type: 'private' | 'public'

  constructor(name: string, type: 'private' | 'public') {
    this.#name = name
    this.#type = type
  }

  /** Makes a handle. */
  handle(material: Material, extractable: boolean): Key {
    const algorithm = Object.freeze({ name: this.#name })
    const key = Object.freeze({ algorithm, extractable, type: this.#type })
    this.#material.set(key, material)
    return key
  }

  /** Finds the material of a handle. @throws {TypeError} If another KEM made it. */
  of(key: Key): Material {
    const material = this.#material.get(key)
    if (material === undefined) throw new TypeError(`key must be a ${this.#type} ${this.#name} key`)
    return material
  }
}

/** Refuses to hand out a secret that was made not to be. @throws {TypeError} */
export function checkExtractable(key: Key): void {
  if (!key.extractable) throw new TypeError('key must be extractable')
}
