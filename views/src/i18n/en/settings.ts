import type zh from '../zh-CN/settings'

export default {
  'settings.title': 'Settings',
  'settings.appearance': 'Appearance',
  'settings.language': 'Language',
  'settings.theme': 'Theme',
  'settings.theme.system': 'System',
  'settings.theme.light': 'Light',
  'settings.theme.dark': 'Dark',
  'settings.sessions': 'Devices',
  'settings.thisDevice': 'This device',
  'settings.lastSeen': 'Last active {time}',
  'settings.revoke': 'Log out',
  'settings.revokeLabel': 'Log out device {device}',
  'settings.logout': 'Log out',
  'settings.cluster': 'Cluster',
  'settings.unknownDevice': 'Unnamed device',
} satisfies Record<keyof typeof zh, string>
