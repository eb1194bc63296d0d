// What the log-in pages say, and what is said everywhere.
import app from './app'
import auth from './auth'

export default { ...app, ...auth }
