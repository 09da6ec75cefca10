//! What becomes of a packet.

use super::attributes::Attributes;
use super::uapi::data;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Ends this chain's hook; chains of later priority still see the packet.
    Accept,
    /// Final, whatever other tables say.
    Drop,
    /// Continues behind the jump that led here, or with the chain's policy.
    Return,
    /// Continues in that chain and comes back.
    Jump(String),
    /// Continues in that chain and does not come back.
    Goto(String),
}

impl Verdict {
    /// As `nft_data`, for an immediate or a map's element.
    pub(super) fn encode(&self) -> Attributes {
        // NF_DROP, NF_ACCEPT, NFT_RETURN, NFT_JUMP, NFT_GOTO
        let (code, chain) = match self {
            Self::Drop => (0, None),
            Self::Accept => (1, None),
            Self::Return => (-5, None),
            Self::Jump(chain) => (-3, Some(chain)),
            Self::Goto(chain) => (-4, Some(chain)),
        };
        let mut verdict = Attributes::new().i32(data::VERDICT_CODE, code);
        if let Some(chain) = chain {
            verdict = verdict.text(data::VERDICT_CHAIN, chain);
        }
        Attributes::new().nested(data::VERDICT, &verdict)
    }
}
