use super::*;

fn specs(texts: &[&str]) -> Vec<ServiceSpec> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn planned(defaults: bool, asked: &[&str]) -> String {
    match plan(defaults, &specs(asked)) {
        Ok(specs) => specs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        Err(error) => error.to_string(),
    }
}

#[test]
fn names_and_ports_are_read() {
    assert_eq!("http".parse(), Ok(ServiceSpec::from(Service::Http)));
    let moved = ServiceSpec { port: 8080, ..Service::Http.into() };
    assert_eq!("HTTP:8080".parse(), Ok(moved));
    for service in Service::ALL {
        assert_eq!(service.name().parse(), Ok(service));
        let spec = ServiceSpec::from(service);
        assert_eq!(spec.to_string().parse(), Ok(spec));
    }
}

#[test]
fn the_congestion_control_of_a_service_is_read() {
    for algorithm in Algorithm::ALL {
        let spec = ServiceSpec { congestion: Some(algorithm), ..Service::Http.into() };
        assert_eq!(format!("http,cc={algorithm}").parse(), Ok(spec));
        assert_eq!(spec.to_string(), format!("http:80,cc={algorithm}"));
        assert_eq!(spec.to_string().parse(), Ok(spec));
    }
    assert_eq!(planned(false, &["http:81,cc=RENO", "http"]), "http:80 http:81,cc=reno");
}

#[test]
fn mistakes_are_explained() {
    let only =
        "cannot be set for a service: only its congestion control can, as in http:80,cc=reno";
    for (text, error) in [
        ("http,reno", format!("\"reno\" {only}")),
        ("http:80,mtu=9", format!("\"mtu=9\" {only}")),
        ("http:80,", format!("\"\" {only}")),
        ("http,cc=x", UnknownAlgorithm("x".to_owned()).to_string()),
        ("http,cc=reno,cc=reno", UnknownAlgorithm("reno,cc=reno".to_owned()).to_string()),
    ] {
        assert_eq!(text.parse::<ServiceSpec>().unwrap_err().to_string(), error, "{text}");
    }
    for (text, error) in [
        (
            "gopher",
            "there is no service \"gopher\": choose one of echo, discard, daytime, chargen, dns, http, iperf3, hello, ping, tasks",
        ),
        (
            "",
            "there is no service \"\": choose one of echo, discard, daytime, chargen, dns, http, iperf3, hello, ping, tasks",
        ),
        ("http:0", "\"0\" is not a port: give a number from 1 to 65535, as in http:8080"),
        ("http:65536", "\"65536\" is not a port: give a number from 1 to 65535, as in http:8080"),
        ("http:", "\"\" is not a port: give a number from 1 to 65535, as in http:8080"),
        ("http:80:80", "\"80:80\" is not a port: give a number from 1 to 65535, as in http:8080"),
        ("http:-1", "\"-1\" is not a port: give a number from 1 to 65535, as in http:8080"),
    ] {
        assert_eq!(text.parse::<ServiceSpec>().unwrap_err().to_string(), error, "{text}");
    }
}

#[test]
fn what_is_no_default_runs_when_asked_for() {
    for service in Service::ALL {
        let planned = plan(true, &[]).unwrap().iter().any(|spec| spec.service == service);
        assert_eq!(planned, Service::DEFAULT.contains(&service), "{service}");
    }
    assert_eq!(planned(false, &["tasks", "hello:99"]), "hello:99 tasks:12345");
}

#[test]
fn asking_adds_or_moves() {
    let defaults = "echo:7 discard:9 daytime:13 chargen:19 http:80";
    assert_eq!(planned(true, &[]), defaults);
    assert_eq!(planned(true, &["http"]), defaults);
    assert_eq!(planned(true, &["echo:8007"]), "discard:9 daytime:13 chargen:19 http:80 echo:8007");
    assert_eq!(
        planned(true, &["http:80", "http:8080"]),
        "echo:7 discard:9 daytime:13 chargen:19 http:80 http:8080"
    );
    assert_eq!(planned(true, &["ping"]), format!("{defaults} ping:12001"));
    assert_eq!(planned(false, &[]), "");
    assert_eq!(planned(false, &["http", "echo:70"]), "echo:70 http:80");
    // Two services may change places.
    assert_eq!(
        planned(true, &["echo:9", "discard:7"]),
        "discard:7 echo:9 daytime:13 chargen:19 http:80"
    );
}

#[test]
fn a_port_is_taken_once() {
    let remedy = "leave one out, or move it with --serve NAME:PORT";
    assert_eq!(
        planned(true, &["echo:80"]),
        format!("port 80 is taken twice, by echo and by http: {remedy}")
    );
    assert_eq!(
        planned(false, &["http:81", "http:81"]),
        format!("port 81 is taken twice, by http and by http: {remedy}")
    );
}
