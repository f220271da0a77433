//! The settings that connections and listeners have in common, those of blocking sockets too: a pair of methods for
//! each. What is set on a listener its connections inherit.

/// Makes the methods for a handle that has `setting`, which reads the settings, and `configure`, which changes them.
macro_rules! settings {
    ($handle:ty) => {
        settings! { $handle:
            "Whether only full-sized segments are sent, because more is to come (TCP_CORK, see [`tcp::Config::cork`])."
            cork, set_cork: bool = |config| config.cork, |config, on| config.cork = on;

            "Most bytes kept for the application to read; what is set neither grows nor shrinks (SO_RCVBUF, without \
             Linux's doubling)."
            receive_buffer, set_receive_buffer: u32 = |config| config.receive_buffer,
                |config, bytes| config.fix_receive_buffer(bytes);

            "Most bytes kept that were written and are not acknowledged; what is set neither grows nor shrinks \
             (SO_SNDBUF, without Linux's doubling)."
            send_buffer, set_send_buffer: u32 = |config| config.send_buffer,
                |config, bytes| config.fix_send_buffer(bytes);

            "Time to live of the packets sent, in hops, and how the network is asked to treat them (IP_TTL, IP_TOS)."
            ip_settings, set_ip_settings: tcp::IpSettings = |config| config.ip, |config, ip| config.ip = ip;

            "Largest window ever offered, in bytes (TCP_WINDOW_CLAMP); `None`: the receive buffer decides."
            window_clamp, set_window_clamp: Option<u32> = |config| config.window_clamp,
                |config, bytes| config.window_clamp = bytes;

            "Bytes that may wait to be sent before a writer has to wait (TCP_NOTSENT_LOWAT, see \
             [`tcp::Config::notsent_low`])."
            notsent_low, set_notsent_low: Option<u32> = |config| config.notsent_low,
                |config, bytes| config.notsent_low = bytes;

            "Whether urgent text is read in line (SO_OOBINLINE, see [`tcp::Config::oob_inline`])."
            oob_inline, set_oob_inline: bool = |config| config.oob_inline,
                |config, on| config.oob_inline = on;

            "When and how often an idle connection is probed, should it be probed at all (TCP_KEEPIDLE, \
             TCP_KEEPINTVL, TCP_KEEPCNT)."
            keepalive_times, set_keepalive_times: tcp::Keepalive = |config| config.keepalive_times,
                |config, times| config.time_keepalive(times);

            "How long FIN-WAIT-2 lasts when nobody is left to read (TCP_LINGER2); zero: not at all."
            fin_wait_2_timeout, set_fin_wait_2_timeout: Duration = |config| config.fin_wait_2_timeout,
                |config, time| config.fin_wait_2_timeout = time;

            "How often a SYN is sent again before it is given up (TCP_SYNCNT)."
            syn_retransmissions, set_syn_retransmissions: u8 = |config| config.syn_retransmission_limit,
                |config, times| config.syn_retransmission_limit = times;
        }
    };
    ($handle:ty: $($doc:literal $get:ident, $set:ident: $type:ty = $read:expr, $change:expr;)+) => {
        impl $handle {
            $(
                #[doc = $doc]
                ///
                /// # Errors
                /// As for all settings: `NotConnected` without a connection, `ConnectionAborted` when the stack is
                /// shut down or has ended.
                pub fn $get(&self) -> io::Result<$type> {
                    let read: fn(&tcp::Config) -> $type = $read;
                    self.setting(read)
                }

                #[doc = concat!("Sets: ", $doc)]
                ///
                /// # Errors
                /// As for all settings: `NotConnected` without a connection, `ConnectionAborted` when the stack is
                /// shut down or has ended.
                pub fn $set(&self, value: $type) -> io::Result<()> {
                    let change: fn(&mut tcp::Config, $type) = $change;
                    self.configure(|config| change(config, value))
                }
            )+
        }
    };
}

pub(in crate::net) use settings;
