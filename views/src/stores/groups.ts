// The groups I am in or look at, and the members of those that were opened.

import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { api } from '../net/api'
import type { GroupProfile } from '../net/api'
import { ApiError } from '../net/http'
import type { Entry, Group, Member, Role, UserId } from '../net/types'
import { useKept } from './kept'
import { usePeople } from './people'
import { useSession } from './session'

/** More members than this are counted, not listed. */
const MEMBERS_MAX = 1_000
/** A mosaic of more would not be made out at the size of a row. */
const FACES = 4
/** Several changes at once cost one request. */
const REFRESH_MS = 150

export const useGroups = defineStore('groups', () => {
  const known = shallowRef<Record<number, Group>>({})
  const members = shallowRef<Record<number, Member[]>>({})
  /** Dissolved, or never there. */
  const gone = ref<ReadonlySet<number>>(new Set())
  const status = ref<'loading' | 'ready' | 'failed'>('loading')
  /** The first members of groups without a picture, for a mosaic of their faces. */
  const faces = ref<Record<number, UserId[]>>({})
  const facesAsked = new Set<number>()
  /** How often I have left a group, or it has ended. */
  const endings = new Map<number, number>()
  const membersFailed = ref<ReadonlySet<number>>(new Set())
  const asked = new Set<number>()
  const clocks = new Map<string, ReturnType<typeof setTimeout>>()

  const items = computed(() => Object.values(known.value).filter((group) => group.role))
  /** How many wait to be let in, over all groups I answer for. */
  const requests = computed(() => items.value.reduce((sum, group) => sum + (group.requests ?? 0), 0))

  async function load(): Promise<void> {
    if (status.value === 'failed') status.value = 'loading'
    try {
      const { groups } = await useKept().ask('groups', status.value === 'ready', api.groups)
      const mine = new Set(groups.map((group) => group.id))
      const others = Object.values(known.value).filter((group) => !mine.has(group.id))
      // What is not in the answer is not mine any more.
      known.value = byId([...others.map((group) => ({ ...group, role: null })), ...groups])
      status.value = 'ready'
    } catch {
      if (status.value !== 'ready') status.value = 'failed'
    }
  }

  function learn(...groups: Group[]): void {
    known.value = { ...known.value, ...byId(groups) }
  }

  /** From a list that may be older than what is known. */
  function learnMissing(groups: readonly Group[]): void {
    learn(...groups.filter((group) => !known.value[group.id]))
  }

  /** Asks for a group that is not known yet; repeats are free. */
  function need(id: number): void {
    if (known.value[id] || asked.has(id)) return
    asked.add(id)
    void refresh(id)
  }

  /** Rejects only for callers who look; a group that is gone is remembered as such. */
  async function refresh(id: number): Promise<void> {
    const ends = endings.get(id)
    try {
      const group = await api.group(id)
      // Asked while I was in it: what I was told since is newer.
      if (endings.get(id) === ends) learn(group)
    } catch (error) {
      asked.delete(id)
      if (error instanceof ApiError && error.code === 'not_found') end(id)
    }
  }

  function end(id: number): void {
    gone.value = new Set([...gone.value, id])
    // What is still to be asked about it would be answered that it is not there.
    for (const key of [`group ${id}`, `members ${id}`]) clearTimeout(clocks.get(key))
    out(id)
  }

  /** I am not in it any more. */
  function out(id: number): void {
    endings.set(id, (endings.get(id) ?? 0) + 1)
    const group = known.value[id]
    if (group) learn({ ...group, role: null })
  }

  /** Does not reject: whether it failed is in `membersFailed`. */
  async function loadMembers(id: number): Promise<void> {
    const all = await allMembers(id).catch(() => null)
    const failed = new Set(membersFailed.value)
    if (all) failed.delete(id)
    else failed.add(id)
    membersFailed.value = failed
    if (!all) return
    const people = usePeople()
    all.forEach(({ user, online }) => people.learn({ ...user, online }))
    members.value = { ...members.value, [id]: all }
  }

  /** Asks for a mosaic's members once; without them the group shows its letter. */
  function needFaces(id: number): void {
    if (facesAsked.has(id) || gone.value.has(id)) return
    facesAsked.add(id)
    api.members(id, undefined, FACES).then(
      ({ members: first }) => {
        first.forEach(({ user, online }) => usePeople().learn({ ...user, online }))
        faces.value = { ...faces.value, [id]: first.map(({ user }) => user.id) }
      },
      () => undefined,
    )
  }

  async function create(profile: GroupProfile & { name: string; members?: UserId[] }): Promise<Group> {
    const group = await api.createGroup(profile)
    learn(group)
    return group
  }

  async function join(id: number, message?: string): Promise<'joined' | 'requested'> {
    const { state, ...group } = await api.joinGroup(id, message)
    learn(group)
    return state
  }

  async function change(id: number, profile: GroupProfile): Promise<void> {
    learn(await api.changeGroup(id, profile))
  }

  async function leave(id: number): Promise<void> {
    await api.leaveGroup(id)
    await refresh(id)
  }

  async function dissolve(id: number): Promise<void> {
    await api.dissolveGroup(id)
    end(id)
  }

  async function transfer(id: number, user: UserId): Promise<void> {
    learn(await api.transferGroup(id, user))
    await loadMembers(id)
  }

  async function changeMember(id: number, user: UserId, part: { role?: Role; muted_until?: number }): Promise<void> {
    await api.changeMember(id, user, part)
    patchMember(id, user, part)
  }

  async function removeMember(id: number, user: UserId): Promise<void> {
    await api.removeMember(id, user)
    dropMembers(id, [user])
  }

  async function answerJoin(id: number, request: number, accept: boolean): Promise<void> {
    await api.answerJoin(id, request, accept)
    await refresh(id)
  }

  function patchMember(id: number, user: UserId, part: Partial<Member>): void {
    const list = members.value[id]
    if (list) members.value = { ...members.value, [id]: list.map((one) => (one.user.id === user ? { ...one, ...part } : one)) }
  }

  function dropMembers(id: number, users: readonly UserId[]): void {
    const list = members.value[id]
    if (list) members.value = { ...members.value, [id]: list.filter((one) => !users.includes(one.user.id)) }
  }

  /** Members or the profile changed. */
  function take(entry: Entry): void {
    const id = groupId(entry.conv)
    if (id === null || !['joined', 'left', 'group'].includes(entry.kind)) return
    const { role, muted } = entry
    if (role) patchMember(id, role.user, { role: role.role })
    if (muted && muted.user !== 0) patchMember(id, muted.user, { muted_until: muted.until })
    if (entry.kind === 'left') left(id, entry.users ?? [entry.from])
    if (entry.kind !== 'group') facesAsked.delete(id)
    if (entry.kind !== 'group' && faces.value[id] && known.value[id]?.role) needFaces(id)
    if (entry.dissolved) return end(id)
    soon(`group ${id}`, () => refresh(id))
    // Who came, who owns it now: names and roles are the server's to say.
    if (members.value[id] && known.value[id]?.role && (entry.kind === 'joined' || entry.owner)) soon(`members ${id}`, () => loadMembers(id))
  }

  function left(id: number, users: readonly UserId[]): void {
    dropMembers(id, users)
    const me = useSession().me?.id
    // At once, without asking: what is typed from here on would be refused.
    if (me !== undefined && users.includes(me)) out(id)
  }

  /** What I alone am told of a group. */
  function told(conv: string, news: { requests?: number | null | undefined; requested_at?: number | null | undefined }): void {
    const id = groupId(conv)
    const group = id === null ? undefined : known.value[id]
    if (!group) return
    if (news.requests != null) learn({ ...group, requests: news.requests })
    if (news.requested_at === null) learn({ ...group, requested_at: null })
  }

  function soon(key: string, work: () => Promise<void>): void {
    clearTimeout(clocks.get(key))
    clocks.set(key, setTimeout(() => void work().catch(() => undefined), REFRESH_MS))
  }

  function $reset(): void {
    known.value = {}
    members.value = {}
    membersFailed.value = new Set()
    gone.value = new Set()
    faces.value = {}
    facesAsked.clear()
    endings.clear()
    asked.clear()
    for (const clock of clocks.values()) clearTimeout(clock)
    clocks.clear()
    status.value = 'loading'
  }

  return {
    known, items, members, membersFailed, faces, gone, requests, status,
    load, learn, learnMissing, need, refresh, loadMembers, needFaces, create, join, change, leave, dissolve, transfer, changeMember, removeMember,
    answerJoin, take, told, $reset,
  }
})

async function allMembers(id: number): Promise<Member[]> {
  const all: Member[] = []
  let after: string | number | undefined
  do {
    const page = await api.members(id, after)
    all.push(...page.members)
    after = page.members.length > 0 ? (page.next ?? undefined) : undefined
  } while (after !== undefined && all.length < MEMBERS_MAX)
  return all
}

function byId(groups: readonly Group[]): Record<number, Group> {
  return Object.fromEntries(groups.map((group) => [group.id, group]))
}

/** The group's id when `conv` is a group. */
export function groupId(conv: string): number | null {
  return conv.startsWith('g:') ? Number(conv.slice(2)) : null
}

/** The other user's id when `conv` is private. */
export function peerId(conv: string): number | null {
  return conv.startsWith('u:') ? Number(conv.slice(2)) : null
}
