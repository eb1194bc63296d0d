import type { Messages } from '../zh-CN'
import door from './door'
import inside from './inside'

export default { ...door, ...inside } satisfies Messages
