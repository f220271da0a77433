use super::*;

#[tokio::test]
async fn states_are_heard_as_they_were_said() {
    for (state, number) in STATES {
        let mut said = Vec::new();
        say(&mut said, state).await.unwrap();
        assert_eq!(said, number.to_be_bytes());
        assert_eq!(hear(&mut &said[..]).await.unwrap(), state);
    }
    let error = hear(&mut &[3][..]).await.unwrap_err();
    assert_eq!(error.to_string(), "iperf3 has no state 3");
}

#[tokio::test]
async fn values_have_their_length_before_them() {
    let params = Params { tcp: true, time: 10, parallel: 2, len: 131_072, ..Params::default() };
    let mut sent = Vec::new();
    send(&mut sent, &params).await.unwrap();
    assert_eq!(sent[..4], (sent.len() as u32 - 4).to_be_bytes());
    assert_eq!(receive::<Params>(&mut &sent[..]).await.unwrap(), params);
    let short = receive::<Params>(&mut &sent[..sent.len() - 1]).await.unwrap_err();
    assert_eq!(short.kind(), io::ErrorKind::InvalidData);
    let long = receive::<Params>(&mut &[0xff; 100][..]).await.unwrap_err();
    assert!(long.to_string().contains("is longer than"), "{long}");
}

/// As iperf3 3.12 sends them.
#[test]
fn what_iperf3_sends_is_understood() {
    let text = r#"{"tcp":true,"omit":0,"time":2,"num":0,"blockcount":0,"parallel":3,"reverse":true,
        "len":131072,"pacing_timer":1000,"client_version":"3.12"}"#;
    let params: Params = serde_json::from_str(text).unwrap();
    assert_eq!((params.streams(), params.time, params.len), ((0, 3), 2, 131_072));
    let text = r#"{"cpu_util_total":1.5,"cpu_util_user":0.5,"cpu_util_system":1,"sender_has_retransmits":1,
        "congestion_used":"cubic","streams":[{"id":1,"bytes":5,"retransmits":0,"jitter":0,"errors":0,"packets":0,
        "start_time":0,"end_time":2.000082}]}"#;
    let results: Results = serde_json::from_str(text).unwrap();
    assert_eq!((results.streams[0].id, results.streams[0].bytes), (1, 5));
    let unsigned = text.replace("\"retransmits\":0", "\"retransmits\":18446744073709551615");
    let results: Results = serde_json::from_str(&unsigned).unwrap();
    assert_eq!(results.streams[0].retransmits, -1);
}

#[test]
fn streams_are_numbered_as_iperf3_does() {
    assert_eq!([0, 1, 2, 3].map(stream_id), [1, 3, 4, 5]);
    let both = Params { bidirectional: true, parallel: 2, ..Params::default() };
    assert_eq!(both.streams(), (2, 2));
}
