//! Servers found in the network, and certificates that are refused, on the sign-in page.

use parta_client::model::discovery::Found;

use super::*;

fn server(title: &str, address: &str) -> Found {
    Found { key: title.into(), title: title.into(), address: address.into() }
}

#[test]
fn the_only_server_is_chosen_and_a_choice_is_kept() {
    in_both_languages(|window| {
        let chosen = || window.view.window().global::<ui::SignIn>().get_server();
        window.view.apply(Update::SignedOut(None));
        window.grow();
        assert!(window.find("Лицей № 5").is_none());
        window.view.apply(Update::Servers(vec![server("Лицей № 5", "https://a.school")]));
        assert_eq!(chosen(), "https://a.school");
        let row = window.find("Лицей № 5").unwrap();
        assert_eq!(row.accessible_role(), Some(AccessibleRole::RadioButton));
        assert_eq!(row.accessible_checked(), Some(true));
        assert!(window.find(window.either(("Найдено в этой сети", "Found in this network"))).is_some());

        window.view.apply(Update::Servers(vec![
            server("Лицей № 5", "https://a.school"),
            server("Школа № 1", "http://10.0.0.5:8008"),
        ]));
        assert_eq!(chosen(), "https://a.school", "what was chosen stays");
        window.press("Школа № 1");
        assert_eq!(chosen(), "http://10.0.0.5:8008");
        window.view.apply(Update::Servers(Vec::new()));
        assert!(window.find("Школа № 1").is_none());
        assert_eq!(chosen(), "http://10.0.0.5:8008", "a server that is silent for a moment is no other");
    });
}

#[test]
fn the_address_that_was_filled_in_follows_the_server() {
    in_both_languages(|window| {
        let page = window.view.window().global::<ui::SignIn>();
        window.view.apply(Update::SignedOut(None));
        window.view.apply(Update::Servers(vec![server("Лицей № 5", "http://[fd00::2]:8008")]));
        assert_eq!(page.get_server(), "http://[fd00::2]:8008");
        // More of its addresses were heard.
        window.view.apply(Update::Servers(vec![server("Лицей № 5", "http://10.0.0.5:8008")]));
        assert_eq!(page.get_server(), "http://10.0.0.5:8008");
        page.set_server("https://other.school".into());
        window.view.apply(Update::Servers(vec![server("Лицей № 5", "http://10.0.0.6:8008")]));
        assert_eq!(page.get_server(), "https://other.school", "what a person wrote stays");
    });
}

#[test]
fn whoever_waited_in_the_field_of_the_server_goes_on_with_the_name() {
    in_both_languages(|window| {
        window.view.apply(Update::SignedOut(None));
        window.grow();
        assert!(window.find(window.either(("Имя пользователя", "User name"))).is_some());
        window.view.apply(Update::Servers(vec![server("Лицей № 5", "https://a.school")]));
        turn();
        let window = window.view.window();
        for letter in ["a", "n"] {
            window.window().dispatch_event(slint::platform::WindowEvent::KeyPressed { text: letter.into() });
        }
        assert_eq!(window.global::<ui::SignIn>().get_user(), "an");
        assert_eq!(window.global::<ui::SignIn>().get_server(), "https://a.school");
    });
}

#[test]
fn of_several_servers_none_is_chosen_for_the_person() {
    in_both_languages(|window| {
        window.view.apply(Update::SignedOut(None));
        window.view.apply(Update::Servers(vec![server("A", "https://a.school"), server("B", "https://b.school")]));
        assert_eq!(window.view.window().global::<ui::SignIn>().get_server(), "");
    });
}

#[test]
fn a_certificate_that_is_refused_says_what_to_do() {
    in_both_languages(|window| {
        window.view.apply(Update::SignedOut(None));
        window.grow();
        let choose = window.either(("Выбрать сертификат академии…", "Choose the academy's certificate…"));
        for (failure, has_mend) in
            [(Failure::NotTrusted, true), (Failure::OtherCertificate, false), (Failure::CertificateDate, false)]
        {
            window.view.apply(Update::SignInFailed(failure));
            assert_eq!(window.find(choose).is_some(), has_mend, "{failure:?}");
        }
    });
}
