import type zh from '../zh-CN/admin'

export default {} satisfies Record<keyof typeof zh, string>
