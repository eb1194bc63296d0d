import type zh from '../zh-CN/media'

export default {} satisfies Record<keyof typeof zh, string>
