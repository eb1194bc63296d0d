//! `starling user`: what an operator does to accounts without logging in, straight on the store. Running nodes
//! learn of it as of anything another node does.

use std::io::Write;

use anyhow::anyhow;
use clap::Subcommand;

use super::password::{Given, Password};
use super::{Failure, block_on, stores};
use crate::config::Config;
use crate::model::error::{self, Language};
use crate::model::ids::UserId;
use crate::model::user::{LoginName, User as Account};
use crate::store::{AccountError, StoreError, Stores};

/// Accounts read at a time.
const PAGE: usize = 500;

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Make an account, also where registration is closed
    Add {
        /// The name to log in with
        name: String,
        /// What others see; the name unless given
        #[arg(long, default_value = "")]
        nickname: String,
        /// Make it an admin of the deployment
        #[arg(long)]
        admin: bool,
        #[command(flatten)]
        password: Given,
    },
    /// Make somebody an admin of the deployment
    Promote {
        /// The account's name
        name: String,
        /// Take it back
        #[arg(long)]
        demote: bool,
    },
    /// Set somebody's password and end his sessions
    Passwd {
        /// The account's name
        name: String,
        #[command(flatten)]
        password: Given,
    },
    /// Show all accounts
    List,
}

impl User {
    pub(super) fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        block_on(async {
            let stores = stores::open(config).await?;
            match self {
                User::Add {
                    name,
                    nickname,
                    admin,
                    password,
                } => {
                    let password = password.read()?;
                    let operator = stores::operator(config, &stores).await?;
                    let secret = password.text.clone();
                    let account = operator.create(name, nickname, secret).await?;
                    if *admin {
                        operator.set_admin(&account, true).await?;
                    }
                    tell(&account, &password, out)
                }
                User::Passwd { name, password } => {
                    let password = password.read()?;
                    let account = named(&stores, name).await?;
                    let operator = stores::operator(config, &stores).await?;
                    let secret = password.text.clone();
                    operator.set_password(&account, secret).await?;
                    tell(&account, &password, out)
                }
                User::Promote { name, demote } => {
                    let operator = stores::operator(config, &stores).await?;
                    let account = named(&stores, name).await?;
                    operator.set_admin(&account, !demote).await?;
                    let what = if *demote {
                        "is no admin"
                    } else {
                        "is an admin"
                    };
                    writeln!(out, "{} {what} now", account.name)?;
                    Ok(())
                }
                User::List => list(&stores, out).await,
            }
        })
    }
}

/// Names the account, and the password if nobody knows it yet.
fn tell(account: &Account, password: &Password, out: &mut dyn Write) -> Result<(), Failure> {
    if password.drawn {
        writeln!(out, "{} has the password {}", account.name, password.text)?;
    } else {
        writeln!(out, "{} has the password given", account.name)?;
    }
    Ok(())
}

async fn list(stores: &Stores, out: &mut dyn Write) -> Result<(), Failure> {
    let mut after = UserId::SYSTEM;
    loop {
        let page = stores.users.list(after, PAGE).await?;
        for account in &page {
            writeln!(out, "{}", line(account))?;
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = last.id,
            Some(_) | None => return Ok(()),
        }
    }
}

/// Tab-separated: id, name, nickname, and what is special about the account.
fn line(account: &Account) -> String {
    let mut remarks = Vec::new();
    if account.admin {
        remarks.push("admin");
    }
    if account.disabled {
        remarks.push("disabled");
    }
    let fields = [
        account.id.to_string(),
        account.name.clone(),
        account.nickname.clone(),
        remarks.join(" "),
    ];
    fields.join("\t")
}

async fn named(stores: &Stores, name: &str) -> Result<Account, Failure> {
    let login = LoginName::Name(name.to_owned());
    match stores.users.credentials(&login).await? {
        Some((account, _)) => Ok(account),
        None => Err(Failure::Runtime(anyhow!(
            "there is no account named {name}"
        ))),
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Runtime(error.into())
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Failure {
        Failure::Runtime(error.into())
    }
}

impl From<error::Failure> for Failure {
    fn from(failure: error::Failure) -> Failure {
        let said = failure.code.message(Language::English);
        Failure::Runtime(match failure.field {
            Some(field) => anyhow!("{field}: {said}"),
            None => anyhow!(said),
        })
    }
}
