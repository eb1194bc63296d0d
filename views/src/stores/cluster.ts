// The cluster's report of itself, and how many of its nodes are up.

import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api } from '../net/api'
import type { ClusterReport } from '../net/types'

/** Whether a node in this state takes part; `self` is the node that was asked. */
export function isUp(state: string): boolean {
  return state === 'up' || state === 'self'
}

export const useCluster = defineStore('cluster', () => {
  const report = ref<ClusterReport | null>(null)
  const takenAt = ref<number | null>(null)
  const failed = ref(false)

  const all = computed(() => report.value?.nodes.length ?? 0)
  const up = computed(() => report.value?.nodes.filter((node) => isUp(node.state)).length ?? 0)

  async function load(): Promise<void> {
    try {
      report.value = await api.cluster()
      takenAt.value = Date.now()
      failed.value = false
    } catch {
      failed.value = true
    }
  }

  return { report, takenAt, failed, all, up, load }
})
