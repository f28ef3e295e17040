export * from './store-suite.js'
