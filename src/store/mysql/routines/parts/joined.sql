LEFT JOIN users u ON u.id = d.sender
LEFT JOIN memberships m ON m.group_id = d.chat_group AND m.user_id = d.sender AND m.present = 1
{mutes}
LEFT JOIN users p ON p.id = d.peer
LEFT JOIN blocks b ON b.user_id = d.peer AND b.blocked_id = d.sender
LEFT JOIN friendships f ON f.user_id = d.friend AND f.friend_id = d.sender
