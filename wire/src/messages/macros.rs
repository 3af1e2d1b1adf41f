//! The two macros that turn a table into types, codec and description.

/// A one-byte enumeration: the type, its numbers, and what the document says about them.
macro_rules! values {
    (
        $(#[doc = $about:literal])+
        pub enum $name:ident {
            $( $(#[doc = $meaning:literal])+ $number:literal => $variant:ident, )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name {
            $( $(#[doc = $meaning])+ $variant = $number, )+
        }

        impl $name {
            /// Every value in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The value with this number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $( $number => Some(Self::$variant), )+
                    _ => None,
                }
            }

            /// The names, numbers and meanings, for the document.
            pub const DESCRIPTION: $crate::messages::ValuesDescription = $crate::messages::ValuesDescription {
                name: stringify!($name),
                about: concat!($($about),+),
                values: &[$(
                    $crate::messages::ValueDescription {
                        number: $number,
                        name: stringify!($variant),
                        about: concat!($($meaning),+),
                    },
                )+],
            };
        }

        impl $crate::messages::field::Field<'_> for $name {
            type Value = Self;
            const MAX_BYTES: usize = 1;

            fn shape() -> $crate::messages::Shape {
                $crate::messages::Shape::Value { of: stringify!($name) }
            }

            fn put(value: &Self, writer: &mut $crate::messages::field::Writer<'_>) -> Result<(), $crate::messages::EncodeError> {
                writer.bytes(&[*value as u8]).map_err(|_| $crate::messages::EncodeError::NoRoom)
            }

            fn take(reader: &mut $crate::messages::field::Reader<'_>) -> Result<Self, $crate::messages::Problem> {
                let [value] = reader.array().map_err(|_| $crate::messages::Problem::Truncated)?;
                Self::from_number(value).ok_or($crate::messages::Problem::UnknownValue { value })
            }
        }
    };
}

/// A table of messages: the enum, its codec, its longest message, and the document's description of it.
///
/// A row is `number => Name on Lane { field: Type as Kind, … }`; a kind is a type that implements `Field` for that type and
/// knows its layout and its bound. Types that are their own kind stand alone.
macro_rules! messages {
    (
        $(#[doc = $about:literal])+
        pub enum $name:ident<$a:lifetime> {
            $(
                $(#[doc = $meaning:literal])+
                $number:literal => $variant:ident on $lane:ident $({
                    $( $(#[doc = $says:literal])+ $field:ident: $value:ty $(as $kind:ty)?, )+
                })?,
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub enum $name<$a> {
            $(
                $(#[doc = $meaning])+
                $variant $({
                    $( $(#[doc = $says])+ $field: $value, )+
                })?,
            )+
        }

        impl<$a> $name<$a> {
            /// Bytes of the longest message of this table.
            pub const MAX_BYTES: usize = {
                let sizes = [$( 1 $($( + <kind_of!($value $(, $kind)?) as Field<'static>>::MAX_BYTES )+)? ),+];
                let (mut most, mut i) = (0, 0);
                while i < sizes.len() {
                    if sizes[i] > most {
                        most = sizes[i];
                    }
                    i += 1;
                }
                most
            };

            /// Writes the message and says how many bytes it took.
            ///
            /// # Errors
            /// [`EncodeError`] when a text or list is longer than the table allows, or the buffer too small. The buffer
            /// then holds part of the message.
            pub fn encode(&self, into: &mut [u8]) -> Result<usize, EncodeError> {
                let mut writer = Writer::new(into);
                match self {
                    $(
                        Self::$variant $({ $($field),+ })? => {
                            writer.bytes(&[$number]).map_err(|_| EncodeError::NoRoom)?;
                            $($( <kind_of!($value $(, $kind)?) as Field<$a>>::put($field, &mut writer)?; )+)?
                        }
                    )+
                }
                Ok(writer.len())
            }

            /// The message in `bytes`, which it fills to the end.
            ///
            /// # Errors
            /// [`DecodeError`] naming the first field that is wrong.
            pub fn decode(bytes: &$a [u8]) -> Result<Self, DecodeError> {
                let mut reader = Reader::new(bytes);
                let at = stringify!($name);
                let [number] = reader.array().map_err(|_| DecodeError { at, problem: Problem::Truncated })?;
                let message = match number {
                    $(
                        $number => Self::$variant $({ $(
                            $field: <kind_of!($value $(, $kind)?) as Field<$a>>::take(&mut reader).map_err(|problem| DecodeError {
                                at: concat!(stringify!($variant), ".", stringify!($field)),
                                problem,
                            })?,
                        )+ })?,
                    )+
                    value => return Err(DecodeError { at, problem: Problem::UnknownValue { value } }),
                };
                match reader.remaining() {
                    0 => Ok(message),
                    bytes => Err(DecodeError { at: message.name(), problem: Problem::Trailing { bytes } }),
                }
            }

            /// The message in `bytes`, which came on `lane`.
            ///
            /// # Errors
            /// [`DecodeError`] as [`Self::decode`], or because the message does not travel on that lane.
            pub fn decode_on(lane: Lane, bytes: &$a [u8]) -> Result<Self, DecodeError> {
                let message = Self::decode(bytes)?;
                if message.lane() == lane {
                    Ok(message)
                } else {
                    Err(DecodeError { at: message.name(), problem: Problem::WrongLane { lane } })
                }
            }

            /// The name of this message, for counters and reports.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $( Self::$variant { .. } => stringify!($variant), )+
                }
            }

            /// The lane this message travels on; on another it is malformed.
            #[must_use]
            pub const fn lane(&self) -> Lane {
                match self {
                    $( Self::$variant { .. } => Lane::$lane, )+
                }
            }

            /// Every message of the table, for the document.
            #[must_use]
            pub fn describe() -> Vec<MessageDescription> {
                vec![$(
                    MessageDescription {
                        number: $number,
                        name: stringify!($variant),
                        lane: Lane::$lane,
                        about: concat!($($meaning),+),
                        max_bytes: 1 $($( + <kind_of!($value $(, $kind)?) as Field<'static>>::MAX_BYTES )+)?,
                        fields: vec![$($(
                            FieldDescription {
                                name: stringify!($field),
                                shape: <kind_of!($value $(, $kind)?) as Field<'static>>::shape(),
                                about: concat!($($says),+),
                            },
                        )+)?],
                    },
                )+]
            }
        }
    };
}

/// The kind of a field: what is written behind `as`, or the type itself.
macro_rules! kind_of {
    ($value:ty) => {
        $value
    };
    ($value:ty, $kind:ty) => {
        $kind
    };
}

pub(super) use {kind_of, messages, values};
