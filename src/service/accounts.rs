//! Accounts: registering, logging in, changing the own profile and password, and leaving.
//!
//! Decides who somebody is; what he may do then is for the other services. Tokens are `sessions`' business,
//! the cost of a password `passwords`'.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::Instant;
use tracing::warn;

use super::files::FileUses;
use super::groups::Groups;
use super::passwords::{Passwords, Verdict};
use super::profiles::Profiles;
use super::rules;
use super::sessions::{Device, Identity, Opened, Sessions};
use super::throttle::{Counted, Throttle};
use crate::model::admin::CodeHash;
use crate::model::error::{Code, Failure};
use crate::model::file::Face;
use crate::model::ids::{SessionId, UserId};
use crate::model::policy::Registration;
use crate::model::signal::Signal;
use crate::model::user::{LoginName, NewUser, Sex, User, UserPatch};
use crate::presence::Signals;
use crate::store::{InvitationStore, UserStore};

/// What somebody gives who registers; empty texts count as not given.
#[derive(Clone, Debug, Default)]
pub struct NewAccount {
    /// May be missing when there is a phone number.
    pub name: Option<String>,
    pub password: String,
    /// Empty: the name.
    pub nickname: String,
    pub phone: String,
    pub email: String,
    pub avatar: String,
    pub sex: Sex,
    pub memo: String,
    /// The code of an invitation; it counts only where nobody may register without.
    pub invite: Option<String>,
}

/// Changes to the own profile; `None` leaves a field, an empty phone number or address removes it.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    pub nickname: Option<String>,
    pub avatar: Option<String>,
    pub sex: Option<Sex>,
    pub memo: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
}

/// Somebody who has logged in, and his new session.
#[derive(Clone)]
pub struct LoggedIn {
    pub user: User,
    pub opened: Opened,
}

/// The accounts. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<AccountParts>);

/// What [`Accounts`] works with.
pub struct AccountParts {
    pub users: Arc<dyn UserStore>,
    pub invitations: Arc<dyn InvitationStore>,
    pub sessions: Sessions,
    pub groups: Groups,
    pub passwords: Passwords,
    pub throttle: Throttle,
    pub profiles: Profiles,
    pub signals: Signals,
    pub files: FileUses,
    pub registration: Registration,
}

impl Accounts {
    #[must_use]
    pub fn new(parts: AccountParts) -> Accounts {
        Accounts(Arc::new(parts))
    }

    /// Makes an account and logs in. `forbidden` where registration is closed and where it takes an invitation that is
    /// not given; `not_found` when that is not open.
    pub async fn register(
        &self,
        account: NewAccount,
        device: Device,
        address: IpAddr,
    ) -> Result<LoggedIn, Failure> {
        let invitation = match (self.0.registration, &account.invite) {
            (Registration::Open, _) => None,
            (Registration::Invite, Some(code)) => Some(CodeHash::of(code)),
            (Registration::Invite, None) => {
                return Err(Failure::field(Code::Forbidden, "invite"));
            }
            (Registration::Closed, _) => return Err(Failure::new(Code::Forbidden)),
        };
        let now = Instant::now();
        self.0.throttle.admit_address(address, now).await?;
        let password = account.password.clone();
        let mut new = check(account)?;
        rules::password(&password, "password")?;
        self.refuse_taken(&new).await?;
        self.refuse_spent(invitation.as_ref()).await?;
        new.password_hash = self.0.passwords.hash(password).await?;
        let mut user = match &invitation {
            Some(code) => self.0.invitations.create_invited(new, code).await?,
            None => self.0.users.create(new).await?,
        };
        if user.nickname.is_empty() {
            // Registered by phone: the store chose the name.
            let patch = UserPatch {
                nickname: Some(user.name.clone()),
                ..UserPatch::default()
            };
            user = self.0.users.update(user.id, patch).await?;
        }
        let opened = self.0.sessions.open(user.id, device).await?;
        Ok(LoggedIn { user, opened })
    }

    /// An early no, before the cost of hashing. The store decides.
    async fn refuse_taken(&self, new: &NewUser) -> Result<(), Failure> {
        if let Some(name) = &new.name {
            let login = LoginName::Name(name.clone());
            if self.0.users.credentials(&login).await?.is_some() {
                return Err(Failure::field(Code::NameTaken, "name"));
            }
        }
        if let Some(phone) = &new.phone {
            let login = LoginName::Phone(phone.clone());
            if self.0.users.credentials(&login).await?.is_some() {
                return Err(Failure::field(Code::PhoneTaken, "phone"));
            }
        }
        Ok(())
    }

    /// Likewise, about the invitation.
    async fn refuse_spent(&self, invitation: Option<&CodeHash>) -> Result<(), Failure> {
        let Some(code) = invitation else {
            return Ok(());
        };
        match self.0.invitations.invitation(code).await? {
            Some(invitation) if invitation.has_room() => Ok(()),
            Some(_) | None => Err(Failure::field(Code::NotFound, "invite")),
        }
    }

    /// Logs in. `wrong_credentials` for an unknown name, a wrong password and a disabled account alike.
    pub async fn login(
        &self,
        name: LoginName,
        password: String,
        device: Device,
        address: IpAddr,
    ) -> Result<LoggedIn, Failure> {
        let now = Instant::now();
        self.0.throttle.admit_address(address, now).await?;
        let name = match name {
            LoginName::Name(name) => LoginName::Name(name.trim().to_owned()),
            LoginName::Phone(phone) => LoginName::Phone(phone),
        };
        let found = self.0.users.credentials(&name).await?;
        let (user, stored) = found.unzip();
        let counted = match (&user, &name) {
            (Some(user), _) => Counted::Account(user.id),
            (None, LoginName::Name(name)) => Counted::nobody(name),
            (None, LoginName::Phone(phone)) => Counted::nobody(&format!("phone {phone}")),
        };
        self.0.throttle.admit_try(counted, Instant::now()).await?;
        let verified = self
            .0
            .passwords
            .verify(password.clone(), stored.clone())
            .await;
        let verdict = self.tried(counted, verified).await?;
        let user = match (user, verdict) {
            (Some(user), Verdict::Right | Verdict::RightButOld) if !user.disabled => user,
            (Some(_) | None, Verdict::Wrong | Verdict::Right | Verdict::RightButOld) => {
                return Err(Failure::new(Code::WrongCredentials));
            }
        };
        self.0.throttle.succeeded(counted).await;
        if let (Verdict::RightButOld, Some(stored)) = (verdict, stored) {
            self.renew_hash(user.id, password, &stored).await;
        }
        let opened = self.0.sessions.open(user.id, device).await?;
        Ok(LoggedIn { user, opened })
    }

    /// A hash that stays old is renewed at the next login; a password set meanwhile stays.
    async fn renew_hash(&self, user: UserId, password: String, old: &str) {
        let users = &self.0.users;
        let renewed = match self.0.passwords.hash(password).await {
            Ok(new) => users
                .replace_password(user, old, &new)
                .await
                .map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        if let Err(error) = renewed {
            warn!(%user, %error, "a password keeps its old hash");
        }
    }

    /// Ends the own session, on every node.
    pub async fn logout(&self, who: &Identity) -> Result<(), Failure> {
        match self.0.sessions.revoke(who.user.id, who.session).await {
            // It ended meanwhile.
            Err(failure) if failure.code == Code::NotFound => Ok(()),
            ended => ended,
        }
    }

    /// The own account.
    pub async fn own(&self, user: UserId) -> Result<User, Failure> {
        let found = self.0.users.user(user).await?;
        found.ok_or(Failure::new(Code::Unauthorized))
    }

    /// Changes the own profile.
    pub async fn change_profile(
        &self,
        user: UserId,
        change: ProfileChange,
    ) -> Result<User, Failure> {
        let text = |given: Option<String>, rule: fn(&str) -> Result<String, Failure>| {
            given.map(|text| rule(&text)).transpose()
        };
        let nickname = text(change.nickname, rules::nickname)?;
        if nickname.as_deref() == Some("") {
            return Err(Failure::field(Code::BadRequest, "nickname"));
        }
        let patch = UserPatch {
            name: None,
            nickname,
            avatar: text(change.avatar, |url| rules::picture(url, "avatar"))?,
            sex: change.sex,
            memo: text(change.memo, rules::memo)?,
            phone: change.phone.as_deref().map(rules::phone).transpose()?,
            email: change.email.as_deref().map(rules::email).transpose()?,
        };
        if let Some(avatar) = &patch.avatar {
            let face = Face::User(user);
            let files = &self.0.files;
            files.as_face(user, face, "avatar", avatar).await?;
        }
        let user = self.0.users.update(user, patch).await?;
        self.tell_changed(user.id);
        Ok(user)
    }

    /// Changes the own password and ends all other sessions. `wrong_credentials` when the old one is wrong.
    pub async fn change_password(
        &self,
        who: &Identity,
        old: String,
        new: String,
    ) -> Result<(), Failure> {
        rules::password(&new, "new")?;
        self.confirm(who, old).await?;
        self.set_password(who.user.id, new, Some(who.session)).await
    }

    /// Sets a password and ends the user's sessions but `kept`. Who may is the caller's to check.
    pub(super) async fn set_password(
        &self,
        user: UserId,
        new: String,
        kept: Option<SessionId>,
    ) -> Result<(), Failure> {
        let hash = self.0.passwords.hash(new).await?;
        self.0.users.set_password(user, &hash).await?;
        self.0.sessions.revoke_all(user, kept).await
    }

    /// Changes the name to log in with, and moves the nickname along where the two were equal. `name_taken`.
    pub async fn rename(&self, user: UserId, name: &str) -> Result<User, Failure> {
        let name = rules::name(name)?;
        let own = self.own(user).await?;
        let patch = UserPatch {
            nickname: (own.nickname == own.name).then(|| name.clone()),
            name: Some(name),
            ..UserPatch::default()
        };
        let user = self.0.users.update(user, patch).await?;
        self.tell_changed(user.id);
        Ok(user)
    }

    /// Disables the own account for good and forgets what it says about a person.
    pub async fn delete(&self, who: &Identity, password: String) -> Result<(), Failure> {
        self.confirm(who, password).await?;
        self.end(who.user.id).await
    }

    /// As [`Accounts::delete`], for an account nobody logs in to, and for clients that do not ask for the password
    /// again. Who may is the caller's to check.
    pub async fn end(&self, user: UserId) -> Result<(), Failure> {
        let blank = UserPatch {
            name: None,
            nickname: Some(rules::GONE_NAME.to_owned()),
            avatar: Some(String::new()),
            sex: Some(Sex::U),
            memo: Some(String::new()),
            phone: Some(None),
            email: Some(None),
        };
        // While he still may act.
        self.0.groups.leave_all(user).await?;
        self.0.users.update(user, blank).await?;
        self.disable(user).await
    }

    /// Disables an account and ends its sessions. Who may is the caller's to check.
    pub(super) async fn disable(&self, user: UserId) -> Result<(), Failure> {
        // First this, so that no session is opened after the others ended.
        self.0.users.set_disabled(user, true).await?;
        self.tell_changed(user);
        self.0.sessions.revoke_all(user, None).await
    }

    /// Ends all of an account's sessions. Who may is the caller's to check.
    pub(super) async fn end_sessions(&self, user: UserId) -> Result<(), Failure> {
        self.0.sessions.revoke_all(user, None).await
    }

    /// Caches everywhere forget the user.
    pub(super) fn tell_changed(&self, user: UserId) {
        self.0.profiles.forget(user);
        self.0.sessions.forget_user(user);
        self.0.signals.publish(Signal::Profile { user });
    }

    /// Checks the password of somebody logged in; guesses count as failed logins.
    async fn confirm(&self, who: &Identity, password: String) -> Result<(), Failure> {
        let name = LoginName::Name(who.user.name.clone());
        let found = self.0.users.credentials(&name).await?;
        let stored = found.map(|(_, stored)| stored);
        let counted = Counted::Account(who.user.id);
        self.0.throttle.admit_try(counted, Instant::now()).await?;
        let verified = self.0.passwords.verify(password, stored).await;
        match self.tried(counted, verified).await? {
            Verdict::Right | Verdict::RightButOld => {
                // This one was no failure; those before it stay.
                self.0.throttle.not_tried(counted).await;
                Ok(())
            }
            Verdict::Wrong => Err(Failure::new(Code::WrongCredentials)),
        }
    }

    /// A password that could not be compared was no try.
    async fn tried(
        &self,
        counted: Counted,
        verified: Result<Verdict, Failure>,
    ) -> Result<Verdict, Failure> {
        if verified.is_err() {
            self.0.throttle.not_tried(counted).await;
        }
        verified
    }
}

fn check(account: NewAccount) -> Result<NewUser, Failure> {
    let phone = rules::phone(&account.phone)?;
    let name = match account.name {
        Some(name) => Some(rules::name(&name)?),
        None if phone.is_some() => None,
        None => return Err(Failure::field(Code::BadRequest, "name")),
    };
    let mut nickname = rules::nickname(&account.nickname)?;
    if nickname.is_empty() {
        nickname = name.clone().unwrap_or_default();
    }
    Ok(NewUser {
        name,
        nickname,
        avatar: rules::picture(&account.avatar, "avatar")?,
        sex: account.sex,
        memo: rules::memo(&account.memo)?,
        phone,
        email: rules::email(&account.email)?,
        password_hash: String::new(),
    })
}
