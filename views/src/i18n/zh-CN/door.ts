// What is said before the log-in; the rest comes with the pages behind it.
import app from './app'
import auth from './auth'

export default { ...app, ...auth }
