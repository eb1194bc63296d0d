// One chunk: the bodies of messages that are sent seldom.
export { default as ArticleBody } from './ArticleBody.vue'
export { default as ContactBody } from './ContactBody.vue'
export { default as LocationBody } from './LocationBody.vue'
export { default as PacketBody } from './PacketBody.vue'
export { default as VideoBody } from './VideoBody.vue'
