import type { Messages } from '../zh-CN'
import first from './first'
import rest from './rest'

export default { ...first, ...rest } satisfies Messages
