//! The audit log and invitations.

use super::stage::{Make, Stage, empty, new_user};
use crate::model::admin::{Action, CodeHash, Invitation, NewInvitation, NewTrace};
use crate::model::entry::UnixMillis;
use crate::model::ids::UserId;
use crate::store::AccountError;

const FAR_FUTURE: UnixMillis = 1 << 45;
const MANY: u32 = 100;

fn trace(admin: UserId, action: Action, target: Option<UserId>) -> NewTrace {
    NewTrace {
        admin,
        action,
        target,
        detail: "«why» 为什么".to_owned(),
        address: "2001:db8::1".to_owned(),
    }
}

pub async fn traces_are_kept_in_their_order_and_read_backwards(make: &impl Make) {
    let stage = empty(make).await;
    let audit = &stage.stores.audit;
    let mut ids = Vec::new();
    for action in Action::ALL {
        let target = (action != Action::NoticeSent).then_some(UserId(7));
        ids.push(audit.leave(trace(UserId(3), action, target)).await.unwrap());
    }
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    let all = audit.traces(u64::MAX >> 1, 100).await.unwrap();
    let names: Vec<&str> = all.iter().map(|trace| &*trace.action).collect();
    let written: Vec<&str> = Action::ALL
        .iter()
        .rev()
        .map(|action| action.name())
        .collect();
    assert_eq!(names, written);
    let last = &all[0];
    assert!(last.at > 0 && last.at >= all[1].at);
    assert_eq!((last.admin, last.target), (UserId(3), Some(UserId(7))));
    assert_eq!(
        (&*last.detail, &*last.address),
        ("«why» 为什么", "2001:db8::1")
    );
    let page = audit.traces(ids[2], 1).await.unwrap();
    assert_eq!((page.len(), page[0].id), (1, ids[1]));
    audit
        .leave(trace(UserId::SYSTEM, Action::UserAdded, None))
        .await
        .unwrap();
    let newest = audit.traces(u64::MAX >> 1, 1).await.unwrap().remove(0);
    assert_eq!((newest.admin, newest.target), (UserId::SYSTEM, None));
}

async fn invite(stage: &Stage, code: u8, by: UserId, uses: u32) -> Invitation {
    let new = NewInvitation {
        code: CodeHash([code; 32]),
        by,
        uses,
        expires_at: FAR_FUTURE,
    };
    let made = stage.stores.invitations.invite(new, MANY).await.unwrap();
    made.unwrap()
}

pub async fn an_invitation_is_found_listed_and_revoked(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let store = &stage.stores.invitations;
    let first = invite(&stage, 1, anna, 3).await;
    assert_eq!((first.by, first.uses, first.used), (anna, 3, 0));
    assert!(first.created_at > 0 && first.has_room());
    assert_eq!(invite(&stage, 1, anna, 3).await, first, "a repetition");
    let second = invite(&stage, 2, bert, 1).await;
    assert!(second.id > first.id);
    let list = |by, before| store.invitations(by, before, 10);
    let all = list(None, u64::MAX >> 1).await.unwrap();
    assert_eq!(all, vec![second.clone(), first.clone()]);
    assert_eq!(list(None, second.id).await.unwrap(), vec![first.clone()]);
    let own = list(Some(anna), u64::MAX >> 1).await.unwrap();
    assert_eq!(own, vec![first.clone()]);
    assert!(
        !store
            .revoke_invitation(second.id, Some(anna))
            .await
            .unwrap()
    );
    assert!(!store.revoke_invitation(999, None).await.unwrap());
    assert!(store.revoke_invitation(second.id, None).await.unwrap());
    assert!(!store.revoke_invitation(second.id, None).await.unwrap());
    assert!(store.revoke_invitation(first.id, Some(anna)).await.unwrap());
    assert_eq!(list(None, u64::MAX >> 1).await.unwrap(), vec![]);
    let found = store.invitation(&CodeHash([2; 32])).await.unwrap().unwrap();
    assert!(found.revoked && !found.has_room());
    assert_eq!(store.invitation(&CodeHash([3; 32])).await.unwrap(), None);
}

pub async fn a_maker_has_no_more_open_invitations_than_allowed(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let store = &stage.stores.invitations;
    let new = |code, by, expires_at| NewInvitation {
        code: CodeHash([code; 32]),
        by,
        uses: 1,
        expires_at,
    };
    // Over already, so it does not count.
    store.invite(new(9, anna, 1), 2).await.unwrap();
    let first = store.invite(new(1, anna, FAR_FUTURE), 2).await.unwrap();
    store.invite(new(2, anna, FAR_FUTURE), 2).await.unwrap();
    assert_eq!(
        store.invite(new(3, anna, FAR_FUTURE), 2).await.unwrap(),
        None
    );
    assert!(
        store
            .invite(new(4, bert, FAR_FUTURE), 2)
            .await
            .unwrap()
            .is_some()
    );
    let first = first.unwrap().id;
    assert!(store.revoke_invitation(first, Some(anna)).await.unwrap());
    assert!(
        store
            .invite(new(3, anna, FAR_FUTURE), 2)
            .await
            .unwrap()
            .is_some()
    );
}

pub async fn an_account_is_made_only_on_an_open_invitation(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let store = &stage.stores.invitations;
    invite(&stage, 1, anna, 1).await;
    let revoked = invite(&stage, 2, anna, 1).await.id;
    store.revoke_invitation(revoked, None).await.unwrap();
    let over = NewInvitation {
        code: CodeHash([3; 32]),
        by: anna,
        uses: 1,
        expires_at: stage.account("clock").await.created_at,
    };
    store.invite(over, MANY).await.unwrap();
    for code in [2, 3, 4] {
        let code = CodeHash([code; 32]);
        let refused = store.create_invited(new_user("bert"), &code).await;
        assert!(
            matches!(refused, Err(AccountError::NotInvited)),
            "{code:?} {refused:?}"
        );
    }
    let code = CodeHash([1; 32]);
    let taken = store.create_invited(new_user("anna"), &code).await;
    assert!(matches!(taken, Ok(user) if user.id == anna), "a repetition");
    let mut other = new_user("anna");
    other.password_hash = "another".to_owned();
    let taken = store.create_invited(other, &code).await;
    assert!(matches!(taken, Err(AccountError::NameTaken)), "{taken:?}");
    assert_eq!(store.invitation(&code).await.unwrap().unwrap().used, 0);
    let bert = store.create_invited(new_user("bert"), &code).await.unwrap();
    assert_eq!((&*bert.name, bert.admin), ("bert", false));
    let spent = store.create_invited(new_user("clara"), &code).await;
    assert!(matches!(spent, Err(AccountError::NotInvited)), "{spent:?}");
    assert_eq!(store.invitation(&code).await.unwrap().unwrap().used, 1);
}

pub async fn a_repeated_invited_registration_counts_once(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let store = &stage.stores.invitations;
    invite(&stage, 1, anna, 1).await;
    let code = CodeHash([1; 32]);
    let first = store.create_invited(new_user("bert"), &code).await.unwrap();
    let again = store.create_invited(new_user("bert"), &code).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(store.invitation(&code).await.unwrap().unwrap().used, 1);
}

pub async fn of_those_who_take_the_last_use_at_once_one_gets_it(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    for code in 1..=5 {
        invite(&stage, code, anna, 2).await;
        let mut racing = tokio::task::JoinSet::new();
        for racer in 0..6 {
            // Each on connections of his own, as on a node of his own.
            let stores = stage.another().await;
            let user = new_user(&format!("racer-{code}-{racer}"));
            racing.spawn(async move {
                let code = CodeHash([code; 32]);
                stores.invitations.create_invited(user, &code).await
            });
        }
        let mut made = 0;
        while let Some(raced) = racing.join_next().await {
            match raced.unwrap() {
                Ok(_) => made += 1,
                Err(AccountError::NotInvited) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(made, 2);
    }
}
