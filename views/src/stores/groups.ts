// The groups I am in, and the members of those that were opened.

import { defineStore } from 'pinia'
import { ref } from 'vue'
import { api } from '../net/api'
import type { Entry, Group, Member, UserId } from '../net/types'
import { usePeople } from './people'

/** More members than this are counted, not listed. */
const MEMBERS_MAX = 1_000

export const useGroups = defineStore('groups', () => {
  const items = ref<Group[]>([])
  const members = ref<Record<number, Member[]>>({})
  const status = ref<'loading' | 'ready' | 'failed'>('loading')

  async function load(): Promise<void> {
    if (status.value === 'failed') status.value = 'loading'
    try {
      items.value = (await api.groups()).groups
      status.value = 'ready'
    } catch {
      if (status.value !== 'ready') status.value = 'failed'
    }
  }

  async function loadMembers(id: number): Promise<void> {
    const people = usePeople()
    const all: Member[] = []
    let after: string | number | undefined
    do {
      const page = await api.members(id, after)
      all.push(...page.members)
      after = page.members.length > 0 ? (page.next ?? undefined) : undefined
    } while (after !== undefined && all.length < MEMBERS_MAX)
    all.forEach(({ user, online }) => people.learn({ ...user, online }))
    members.value = { ...members.value, [id]: all }
  }

  async function create(name: string, memo: string, users: UserId[]): Promise<Group> {
    const group = await api.createGroup({ name, memo: memo || undefined, members: users })
    await load()
    return group
  }

  async function join(id: number): Promise<void> {
    await api.joinGroup(id)
    await load()
  }

  async function leave(id: number): Promise<void> {
    await api.leaveGroup(id)
    await load()
  }

  /** Members or the profile changed. */
  function take(entry: Entry): void {
    const id = groupId(entry.conv)
    if (id === null || !['joined', 'left', 'group'].includes(entry.kind)) return
    if (status.value === 'ready') void load()
    if (members.value[id]) loadMembers(id).catch(() => undefined)
  }

  function $reset(): void {
    items.value = []
    members.value = {}
    status.value = 'loading'
  }

  return { items, members, status, load, loadMembers, create, join, leave, take, $reset }
})

/** The group's id when `conv` is a group. */
export function groupId(conv: string): number | null {
  return conv.startsWith('g:') ? Number(conv.slice(2)) : null
}

/** The other user's id when `conv` is private. */
export function peerId(conv: string): number | null {
  return conv.startsWith('u:') ? Number(conv.slice(2)) : null
}
