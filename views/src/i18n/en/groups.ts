import type zh from '../zh-CN/groups'

export default {
  'groups.title': 'Groups',
  'groups.find': 'Find a group of mine',
  'groups.empty': 'No groups yet',
  'groups.emptyHint': 'Create one, or join one that exists.',
  'groups.noMatch': 'No group matches',
  'groups.owner': 'Owner',
  'groups.admin': 'Admin',
  'groups.membersTitle': 'Members · {n}',
  'groups.leave': 'Leave group',
  'groups.leaveTitle': 'Leave “{name}”?',
  'groups.leaveHint': 'You will no longer receive its messages.',
  'groups.tip': 'Pick a group to start',

  'createGroup.title': 'Create group',
  'createGroup.name': 'Group name',
  'createGroup.memo': 'About (optional)',
  'createGroup.members': 'Invite friends',
  'createGroup.noFriends': 'No friends to invite yet; you can add people later.',
  'createGroup.create': 'Create',
  'createGroup.nameMissing': 'Enter a name',
  'createGroup.nameLong': 'At most 40 characters',

  'joinGroup.title': 'Join group',
  'joinGroup.query': 'Group name or number',
  'joinGroup.none': 'No group to join was found',
  'joinGroup.join': 'Join',
  'joinGroup.asked': 'Requested',
  'joinGroup.open': 'Open',
} satisfies Record<keyof typeof zh, string>
