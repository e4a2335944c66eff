//! What chooses a policy, and why none was.

use std::{collections::BTreeMap, fmt};

/// What is known of a container when its policy is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// The name that its engine gave it; empty: it has none.
    pub name: String,
    /// Its id; empty: it has none.
    pub id: String,
    /// The image that it was made of.
    pub image: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations (OCI's and Kubernetes' word for what else is said of it).
    pub annotations: BTreeMap<String, String>,
    /// Its cgroup as /proc/PID/cgroup has it: "/devns/web1-123".
    pub cgroup: Option<String>,
}

/// Why no policy was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectError {
    /// The policy that was asked for does not exist.
    Unknown {
        /// What was asked for.
        name: String,
        /// What it was probably meant to be.
        nearest: Option<String>,
        /// What there is.
        choices: Vec<String>,
    },
    /// Nothing was asked for, no binding matches, and the file has not exactly one policy.
    Undecided {
        /// What there is.
        choices: Vec<String>,
    },
}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SelectError::Unknown {
                name,
                nearest: Some(nearest),
                choices,
            } => {
                write!(
                    f,
                    "there is no policy `{name}`, did you mean `{nearest}`? there are {}",
                    choices.join(", ")
                )
            }
            SelectError::Unknown {
                name,
                nearest: None,
                choices,
            } => write!(
                f,
                "there is no policy `{name}`, there are {}",
                choices.join(", ")
            ),
            SelectError::Undecided { choices } => write!(
                f,
                "nothing says which policy to use, there are {}",
                choices.join(", ")
            ),
        }
    }
}

impl std::error::Error for SelectError {}
