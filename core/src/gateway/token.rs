//! Session tokens: what a client presents as `Authorization: Bearer …` after it logged in.
//!
//! A JWT signed with HMAC-SHA-256 that carries the account, the session's generation and the expiry. The token alone
//! proves that this server issued it; whether its generation is still the account's newest is the session table's to
//! say. Times are seconds of Unix time and handed in.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use mu_storage::ids::AccountId;
use serde::{Deserialize, Serialize};

/// Longest token worth reading: ours are below 250 bytes; anything longer was not issued here.
const TOKEN_LEN_MAX: usize = 512;
/// Names who issued it, so that a secret shared with another product by mistake does not make its tokens ours.
const ISSUER: &str = "mu-core";

/// Who is asking, as the token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claims {
    /// Whose session.
    pub(crate) account: AccountId,
    /// Which of the account's sessions; only the newest is live.
    pub(crate) generation: u64,
    /// Seconds of Unix time from which the token is no longer good.
    pub(crate) expires_s: u64,
}

/// The bytes inside the token. `sub` is text because JSON numbers above 2^53 do not survive every client.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    iss: String,
    sub: String,
    #[serde(rename = "gen")]
    generation: u64,
    iat: u64,
    exp: u64,
}

/// Signs and reads session tokens.
pub(crate) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    life_s: u64,
}

impl Tokens {
    /// Tokens signed with `secret`, good for `life_s` seconds.
    pub(crate) fn new(secret: &[u8; 32], life_s: u64) -> Self {
        // Chosen by name: with two providers compiled in anywhere in the tree the library would panic at the first
        // signature instead of choosing. A second call in one process finds the first one's choice, which is the same.
        let _ = jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "sub", "iss"]);
        // Compared below against the time handed in.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            life_s,
        }
    }

    /// A token for this session, and when it expires.
    ///
    /// # Errors
    /// Only what the signing library reports; there is no input that makes it fail.
    pub(crate) fn issue(
        &self,
        account: AccountId,
        generation: u64,
        now_s: u64,
    ) -> Result<(String, u64), jsonwebtoken::errors::Error> {
        let exp = now_s.saturating_add(self.life_s);
        let body = Body { iss: ISSUER.to_owned(), sub: account.0.to_string(), generation, iat: now_s, exp };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &body, &self.encoding)?;
        Ok((token, exp))
    }

    /// What the token says, if this server signed it and it has not expired.
    pub(crate) fn read(&self, token: &str, now_s: u64) -> Option<Claims> {
        if token.len() > TOKEN_LEN_MAX {
            return None;
        }
        let body = jsonwebtoken::decode::<Body>(token, &self.decoding, &self.validation).ok()?.claims;
        let account: i64 = body.sub.parse().ok()?;
        (account > 0 && now_s < body.exp).then_some(Claims {
            account: AccountId(account),
            generation: body.generation,
            expires_s: body.exp,
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    const NOW: u64 = 1_000_000;

    fn tokens() -> Tokens {
        Tokens::new(&[7; 32], 600)
    }

    #[test]
    fn a_token_says_what_was_signed_until_it_expires() {
        let (token, expires_s) = tokens().issue(AccountId(42), 3, NOW).unwrap();
        let claims = Claims { account: AccountId(42), generation: 3, expires_s };
        assert_eq!(expires_s, NOW + 600);
        assert_eq!(tokens().read(&token, NOW + 599), Some(claims));
        assert_eq!(tokens().read(&token, NOW + 600), None);
    }

    #[test]
    fn another_key_another_algorithm_or_another_body_is_no_token() {
        let (token, _) = tokens().issue(AccountId(42), 3, NOW).unwrap();
        let other = Tokens::new(&[8; 32], 600);
        assert_eq!(other.read(&token, NOW), None);

        let [header, body, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            panic!("a JWT has three parts: {token}");
        };
        let forged_body = URL_SAFE_NO_PAD.encode(br#"{"iss":"mu-core","sub":"1","gen":3,"iat":1000000,"exp":1000600}"#);
        assert_eq!(tokens().read(&format!("{header}.{forged_body}.{signature}"), NOW), None);
        let unsigned = URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"none"}"#);
        assert_eq!(tokens().read(&format!("{unsigned}.{body}."), NOW), None);
        let stronger = jsonwebtoken::encode(
            &Header::new(Algorithm::HS512),
            &Body { iss: ISSUER.to_owned(), sub: "42".to_owned(), generation: 3, iat: NOW, exp: NOW + 600 },
            &EncodingKey::from_secret(&[7; 32]),
        )
        .unwrap();
        assert_eq!(tokens().read(&stronger, NOW), None);
    }

    #[test]
    fn every_truncation_of_a_token_is_refused() {
        let (token, _) = tokens().issue(AccountId(42), 3, NOW).unwrap();
        for len in 0..token.len() {
            assert_eq!(tokens().read(&token[..len], NOW), None, "{len} bytes");
        }
        assert_eq!(tokens().read(&"a".repeat(10_000), NOW), None);
    }
}
