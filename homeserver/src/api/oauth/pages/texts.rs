//! The words of the pages, in both languages.

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    /// Russian.
    #[default]
    Russian,
    /// English.
    English,
}

impl Language {
    /// The language of a tag (RFC 5646), if it is one of ours.
    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        match tag.trim().split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "ru" => Some(Self::Russian),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The first of ours in a list as `Accept-Language` has it, which browsers write in the order of preference.
    pub(crate) fn of_list(list: &str) -> Option<Self> {
        list.split([',', ' ']).find_map(|entry| Self::of_tag(entry.split(';').next()?))
    }

    /// The tag.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Russian => "ru",
            Self::English => "en",
        }
    }

    /// The words.
    pub(crate) fn texts(self) -> &'static Texts {
        match self {
            Self::Russian => &RUSSIAN,
            Self::English => &ENGLISH,
        }
    }
}

macro_rules! texts {
    ($($name:ident: $russian:literal / $english:literal;)+) => {
        /// The words of the pages, by what they are for.
        #[derive(Debug)]
        pub(crate) struct Texts {
            $(pub(crate) $name: &'static str,)+
        }
        static RUSSIAN: Texts = Texts { $($name: $russian,)+ };
        static ENGLISH: Texts = Texts { $($name: $english,)+ };
    };
}

texts! {
    product: "Парта" / "Parta";
    other_language: "English" / "Русский";
    sign_in: "Войти" / "Sign in";
    sign_in_title: "Вход" / "Sign in";
    sign_in_lead: "Войдите под своим именем." / "Use your name and password.";
    name: "Имя пользователя" / "User name";
    name_hint: "Латинские буквы, цифры, точка, дефис и подчёркивание."
        / "Letters a to z, digits, dot, hyphen and underscore.";
    password: "Пароль" / "Password";
    password_again: "Пароль ещё раз" / "Password again";
    no_account: "Ещё нет учётной записи?" / "No account yet?";
    have_account: "Уже есть учётная запись?" / "Already have an account?";
    register: "Создать учётную запись" / "Create account";
    register_title: "Новая учётная запись" / "New account";
    register_lead: "Имя потом изменить нельзя, а отображаемое имя можно."
        / "The user name is for good; the name that others see can be changed.";
    token: "Код приглашения" / "Registration token";
    token_hint: "Его выдаёт преподаватель или администратор." / "A teacher or an administrator gives it to you.";
    closed: "Регистрация закрыта. Учётную запись выдаёт администратор."
        / "Registration is closed. Ask an administrator for an account.";
    terms_before: "Я согласен(на):" / "I agree:";
    terms_needed: "Нужно согласиться с условиями." / "You need to agree to the terms.";
    consent_title: "Разрешить доступ?" / "Allow access?";
    consent_lead: "Программа просит доступ к вашей учётной записи:" / "A program asks for access to your account:";
    consent_means: "Она сможет читать и отправлять сообщения от вашего имени, пока вы не завершите её сеанс."
        / "It will read and send messages as you until you sign it out.";
    consent_warn: "Разрешайте, только если вы сами начали вход." / "Allow it only if you started signing in yourself.";
    allow: "Разрешить" / "Allow";
    deny: "Отмена" / "Cancel";
    signed_in_as: "Вы вошли как" / "You are signed in as";
    not_you: "Это не вы? Сменить пользователя" / "Not you? Switch user";
    link_title: "Подключить устройство" / "Link a device";
    link_lead: "Введите код, который показывает другое устройство." / "Type the code that the other device shows.";
    link_code: "Код" / "Code";
    link_next: "Дальше" / "Next";
    link_unknown: "Такого кода нет, или его время вышло. Проверьте код или начните заново на том устройстве."
        / "There is no such code, or its time is up. Check it, or begin again on that device.";
    link_done: "Готово. Вернитесь к другому устройству: оно уже входит."
        / "Done. Go back to the other device: it is signing in.";
    link_denied: "Устройство не подключено." / "The device was not linked.";
    account_title: "Ваша учётная запись" / "Your account";
    display_name: "Отображаемое имя" / "Name that others see";
    save: "Сохранить" / "Save";
    saved: "Сохранено." / "Saved.";
    devices: "Устройства" / "Devices";
    devices_lead: "Завершите сеанс на устройстве, которого не узнаёте, и смените пароль."
        / "Sign out what you do not recognise, and change your password.";
    unnamed: "Без названия" / "No name";
    last_seen: "последняя активность" / "last seen";
    never_seen: "активности ещё не было" / "not seen yet";
    sign_out_device: "Завершить сеанс" / "Sign out";
    sign_out_confirm: "Завершить сеанс на этом устройстве?" / "Sign this device out?";
    sign_out_means: "Устройство выйдет из учётной записи. Зашифрованные сообщения, ключи к которым были только на нём, нельзя будет прочесть."
        / "It will be signed out. Encrypted messages whose keys only it had cannot be read any more.";
    no_device: "Такого устройства нет: его сеанс уже завершён." / "There is no such device: it is signed out already.";
    change_password: "Сменить пароль" / "Change password";
    old_password: "Старый пароль" / "Old password";
    new_password: "Новый пароль" / "New password";
    sign_out_others: "Завершить сеансы на всех устройствах" / "Sign out all devices";
    more: "Ещё" / "More";
    reset_title: "Сбросить подтверждение личности" / "Reset your digital identity";
    reset_lead: "Делайте это, только если потеряны все устройства и ключ восстановления. Другим придётся подтвердить вас заново, а старые зашифрованные сообщения могут стать недоступны."
        / "Do this only if all devices and the recovery key are lost. Others will have to verify you again, and old encrypted messages may stay unreadable.";
    reset: "Сбросить" / "Reset";
    reset_done: "Готово. В течение десяти минут вернитесь в программу и завершите сброс."
        / "Done. Go back to the program within ten minutes and finish there.";
    deactivate_title: "Закрыть учётную запись" / "Close account";
    deactivate_lead: "Учётная запись закроется навсегда: вы выйдете из всех комнат, войти снова будет нельзя, имя никто больше не займёт."
        / "The account closes for good: you leave all rooms, cannot sign in again, and nobody can take the name.";
    erase: "Скрыть мои прежние сообщения от новых участников" / "Hide my old messages from people who join later";
    deactivate: "Закрыть навсегда" / "Close for good";
    deactivated: "Учётная запись закрыта." / "The account is closed.";
    sign_out: "Выйти" / "Sign out";
    signed_out: "Вы вышли." / "You are signed out.";
    authority_title: "Установите сертификат" / "Install the certificate";
    authority_lead: "Это нужно сделать один раз. После этого приложения и браузер на вашем устройстве будут доверять серверу академии. Сертификат годится только для этого сервера и внутренних сетей: другие сайты им не подтвердить."
        / "Do this once, and the apps and the browser on your device trust the academy's server. The certificate is good for this server and for private networks only, never for another site.";
    authority_fingerprint: "Отпечаток SHA-256" / "SHA-256 fingerprint";
    authority_compare: "Сравните его с отпечатком, который вывесила академия. Если они различаются, ничего не устанавливайте и скажите преподавателю."
        / "Compare it with the one that the academy has put up. If they differ, install nothing and tell a teacher.";
    authority_download: "Скачать сертификат" / "Download the certificate";
    authority_device: "Что у вас за устройство?" / "Which device do you have?";
    authority_android: "Скачайте сертификат.\nОткройте настройки и найдите поиском «сертификат». Обычно это Безопасность → Другие настройки безопасности → Шифрование и учётные данные.\nНажмите «Установить сертификат», затем «Сертификат ЦС» и «Всё равно установить». Если на телефоне нет блокировки экрана, он попросит её включить.\nВыберите файл authority.crt."
        / "Download the certificate.\nOpen the settings and search them for “certificate”. Usually it is under Security → More security settings → Encryption & credentials.\nTap “Install a certificate”, then “CA certificate” and “Install anyway”. A phone without a screen lock asks for one.\nChoose the file authority.crt.";
    authority_ios: "Откройте эту страницу в Safari, скачайте сертификат и разрешите загрузку профиля.\nОткройте Настройки → Профиль загружен и нажмите «Установить».\nОткройте Настройки → Основные → Об этом устройстве → Доверие сертификатам и включите сертификат Parta."
        / "Open this page in Safari, download the certificate and allow the profile.\nOpen Settings → Profile Downloaded and tap “Install”.\nOpen Settings → General → About → Certificate Trust Settings and switch on the Parta certificate.";
    authority_windows: "Откройте скачанный файл и нажмите «Установить сертификат».\nВыберите «Текущий пользователь», затем «Поместить все сертификаты в следующее хранилище» → «Обзор» → «Доверенные корневые центры сертификации».\nНа вопрос об установке ответьте «Да». Отпечаток в этом окне другого вида (SHA-1), он и не должен совпадать.\nПерезапустите браузер."
        / "Open the file and click “Install Certificate”.\nChoose “Current User”, then “Place all certificates in the following store” → “Browse” → “Trusted Root Certification Authorities”.\nAnswer “Yes” when you are asked whether to install it. The fingerprint in that window is of another kind (SHA-1) and is not the one to compare.\nStart the browser anew.";
    authority_macos: "Откройте скачанный файл: он попадёт в «Связку ключей».\nНайдите там сертификат Parta и откройте его двойным щелчком.\nВ разделе «Доверие» выберите «Всегда доверять»."
        / "Open the file: it goes into Keychain Access.\nFind the Parta certificate there and double-click it.\nUnder “Trust” choose “Always Trust”.";
    authority_debian: "Debian, Ubuntu, Astra Linux:" / "Debian, Ubuntu:";
    authority_fedora: "Fedora, РЕД ОС, Альт:" / "Fedora:";
    authority_browsers: "Firefox, а также Chrome в Linux" / "Firefox, and Chrome on Linux";
    authority_browser: "У этих браузеров свой список сертификатов. Найдите в их настройках поиском «сертификаты» и откройте управление ими.\nВ разделе «Центры сертификации» («Доверенные сертификаты») нажмите «Импортировать» и выберите файл authority.crt.\nЕсли браузер спросит, отметьте, что доверяете ему при идентификации веб-сайтов."
        / "These browsers have a list of their own. Search their settings for “certificates” and open that list.\nUnder “Authorities” (“Trusted certificates”) click “Import” and choose the file authority.crt.\nIf you are asked, tick that you trust it to identify websites.";
    authority_again: "Установили? Откройте сведения о сертификате на самом устройстве. Если там есть отпечаток SHA-256, сравните его ещё раз: страницу можно подделать. Если он другой, удалите сертификат и скажите преподавателю."
        / "Installed? Open the certificate's details on the device itself. Where they have the SHA-256 fingerprint, compare it once more: a page can be forged. If it differs, remove the certificate and tell a teacher.";
    back: "Назад" / "Back";
    problem_title: "Не получилось" / "That did not work";
    wrong_request: "Программа прислала неверный запрос. Вернитесь в неё и попробуйте ещё раз; если не поможет, покажите это администратору:"
        / "The program sent a wrong request. Go back and try again; if it stays so, show this to an administrator:";
    wrong_password: "Неверное имя или пароль." / "The name or the password is wrong.";
    wrong_old_password: "Пароль не подходит." / "That is not your password.";
    different_passwords: "Пароли не совпадают." / "The two passwords differ.";
    weak_password: "Этот пароль слишком простой. Возьмите подлиннее: не меньше восьми знаков, не имя и не частое слово."
        / "That password is too simple. Take a longer one: eight characters or more, not your name, no common word.";
    name_taken: "Это имя занято. Выберите другое." / "That name is taken. Choose another.";
    wrong_name: "Такое имя не подходит: латинские буквы, цифры, точка, дефис и подчёркивание."
        / "That name cannot be used: letters a to z, digits, dot, hyphen and underscore.";
    wrong_token: "Код приглашения не подходит или закончился." / "That registration token is not valid any more.";
    locked: "Учётная запись заблокирована. Обратитесь к администратору." / "This account is locked. Ask an administrator.";
    closed_account: "Эта учётная запись закрыта. Обратитесь к администратору."
        / "This account was closed. Ask an administrator.";
    too_often: "Слишком много попыток. Подождите минуту и попробуйте снова."
        / "Too many tries. Wait a minute and try again.";
    busy: "Сервер сейчас занят. Ничего не изменилось; попробуйте чуть позже."
        / "The server is busy. Nothing was changed; try again in a moment.";
    foreign: "Форма пришла не с этой страницы. Откройте страницу заново." / "The form came from another page. Open the page anew.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_spoken_to_in_its_language() {
        assert_eq!(Language::of_list("de-DE,de;q=0.9,en-US;q=0.8,ru;q=0.7"), Some(Language::English));
        assert_eq!(Language::of_list("ru-RU,en;q=0.5"), Some(Language::Russian));
        assert_eq!(Language::of_list("ru en"), Some(Language::Russian), "as ui_locales has it");
        assert_eq!(Language::of_list("de"), None);
    }
}
