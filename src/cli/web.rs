//! The page of `glasstcp up`: where it is, and who may change something on it.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use glasstcp::service::{Service, ServiceContext, Site, serve_listener};
use glasstcp::web::{Right, Source, Token, Web};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::host::{Host, Plan as HostPlan};
use super::serve;

/// What can be asked for.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Serve the page at /glass/, which shows connections live, over the kernel's TCP too, here; port 0 takes any that is
    /// free. On a loopback address whoever can open it may change the link and end connections, elsewhere it takes the
    /// token that is printed
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = serve::address)]
    web: Option<SocketAddr>,

    /// Let the page at /glass/ show what connections carry, to whoever can open it
    #[arg(long)]
    payload: bool,
}

/// What [`Args`] ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Where it is over the kernel's TCP.
    pub at: Option<SocketAddr>,
    /// Whether text is shown.
    pub payload: bool,
}

impl Args {
    /// What they ask for.
    pub fn plan(self) -> Plan {
        Plan { at: self.web, payload: self.payload }
    }
}

/// The page of a running stack.
pub struct Page {
    web: Web,
    token: Token,
    /// Where it is over the kernel's TCP, when it is.
    listener: Option<TcpListener>,
}

impl Page {
    /// That of a stack; what it tells is made in `viewers`.
    ///
    /// # Errors
    /// A sentence: it cannot be where it was asked for.
    pub async fn new(
        plan: Plan,
        host: &Host,
        host_plan: &HostPlan,
        viewers: &Handle,
    ) -> anyhow::Result<Page> {
        let counts = host.counts();
        let source = Source {
            net: counts.net().clone(),
            watchers: counts.watchers().clone(),
            link: host.link().cloned(),
            addresses: host_plan.ip_addresses(),
            counters: Box::new(move || counts.rows()),
            viewers: viewers.clone(),
            payload: plan.payload,
        };
        let listener = match plan.at {
            Some(at) => {
                let bound = TcpListener::bind(at).await;
                Some(bound.map_err(|error| anyhow!(serve::bind_error(at, &error)))?)
            }
            None => None,
        };
        let token = Token::new().context("the system gives no random numbers")?;
        Ok(Page { web: Web::new(source), token, listener })
    }

    /// It over the stack, where who wants to change something has to know the token.
    pub fn site(&self) -> Site {
        self.web.site(Right::Token(self.token.clone()), false)
    }

    /// The token, as it stands at the end of an address.
    pub fn fragment(&self) -> String {
        format!("#token={}", self.token)
    }

    /// Serves it over the kernel's TCP, if that was asked for; the address where it is.
    ///
    /// # Errors
    /// The socket cannot tell where it is.
    pub fn serve(&mut self, tasks: &mut JoinSet<()>) -> anyhow::Result<Option<String>> {
        let Some(listener) = self.listener.take() else {
            return Ok(None);
        };
        let at = listener.local_addr().context("cannot tell the address of the socket")?;
        let (right, fragment) = match at.ip().is_loopback() {
            true => (Right::Everybody, String::new()),
            false => (Right::Token(self.token.clone()), self.fragment()),
        };
        let site = Some(self.web.site(right, true));
        let context = Arc::new(ServiceContext { site, ..ServiceContext::default() });
        tasks.spawn(serve_listener(listener, Service::Http, context));
        let here = SocketAddr::new(serve::reachable(at.ip()), at.port());
        Ok(Some(format!("http://{here}/glass/{fragment}")))
    }
}
