#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/* oxlint-disable -- old syntax on purpose: an old Node must get as far as the message */
var major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error('waxwing needs Node.js 24 or later, and this is ' + process.version + '.')
  console.error('Install a newer one from https://nodejs.org.')
  process.exitCode = 1
} else {
  import('../dist/main.js').catch(function (error) {
    console.error('waxwing cannot start: ' + (error && error.message))
    console.error('In a clone of the repository, build it first: npm run set-up')
    process.exitCode = 1
  })
}
