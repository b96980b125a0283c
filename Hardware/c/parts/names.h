/* The numbers and names of Protocol.md, and which options bring one another. */

enum { KIND_HELLO = 1, KIND_WELCOME, KIND_READY, KIND_DATA, KIND_ACK, KIND_NAK, KIND_BUSY,
       KIND_PING, KIND_CLOSE, KIND_PARITY }; /* §3.3; from the last on, DATA with parity */
enum { CLOSE_DONE = 0, CLOSE_REFUSED = 2, CLOSE_MISBEHAVED = 3 }; /* §4.6 */
enum { OFFER = 1, TENSOR, UNIT, CONTENT, DIGEST, FINISH, CODED, MILESTONE, COMPARE, BASIS, UNCHANGED, LIST,
       ACTIVATE, ROLLBACK, FETCH, INFO = 64, ACCEPT, VERIFIED, FAILED, METRIC, HELD, LISTING }; /* §5.1 */
enum { FAILED_MODEL = 2, FAILED_STORE, FAILED_DIGEST, FAILED_STREAM }; /* §5.7 */

#define BIT(kind) (1u << (kind))
#define HEADER_SIZE 2u
#define CHECKSUM_SIZE 4u
#define BLOCK_SIZE 16u
#define NUMBER_MASK 0x0FFFu
#define NUMBER_HALF 0x0800u
#define MTU_MIN 32u
#define HELLO_SIZE 20u           /* without its last field */
#define MAGIC_REVISION 0x5457u   /* "WT", then highest and lowest revision (§4.1) */
#define WELCOME_HEAD 0x01015457u
enum { WELCOME_NONCE = 1, WELCOME_PEER_NONCE, WELCOME_LIMITS, WELCOME_CAPABILITIES, WELCOME_GOES_ON,
       WELCOME_WORDS };

/* What an option needs that another one brings. */
#define SAYS_NUMBERS (RESUMES || WT_SWITCH || GIVES)
#define RESUMES (WT_RESUME && WT_FLASH)
#define SWITCHES (WT_SWITCH && WT_FLASH)
#define GIVES (WT_FETCH && WT_SHA256)
#define PREPARES (WT_FLASH && (!WT_MEMORY || WT_RESUME)) /* before ACCEPT a slot is made ready */

/* §5.2 */
#define ABILITIES (RESUMES | WT_KEEP << 1 | WT_SWITCH << 4 | SWITCHES << 5 | GIVES << 6)
#define ABILITY_DIFFERENCES 8u /* while a model is in use */
#define ANY_REPRESENTATION 255u
/* §5.3: flags of an offer. */
#define TERM_BASE 1u
#define TERM_BASIS 2u
#define TERM_GOES_ON 4u
#define TERM_INACTIVE 8u
#define TERMS (WT_KEEP * 3u | RESUMES * 4u | SWITCHES * 8u)
#define IDENTITY_SIZE 8u
#define TERMS_PLAIN (IDENTITY_SIZE + 1u)

#define CAPABILITIES (WT_WINDOW | WT_CORRECTION << 1) /* §4.1 */
#define CAPABILITY_WINDOW 1u
#define CAPABILITY_CORRECTION 2u
#define REPORT_HEAD 4u /* §4.3 */
#define REPORT_BITS (WT_WINDOW * 160u) /* of blocks that are held: what fits the smallest MTU */
#define FIRST_TIMEOUT 300u /* §4.4 */
#define LAST_TIMEOUT 2000u
#define SILENCE_LIMIT 8000u /* §4.5 */
#define READY_INTERVAL 1000u
#define CLOSE_COUNT 2u /* §4.6: it is not answered */

#define BODY_LIMIT 2048u /* §7 */
#define CONTENT_LIMIT 16384u
#define LENGTH_SHIFT 21u /* of the last byte of a varint: of a length, and of any */
#define VARINT_SHIFT 56u

#define PLANES 7u
#define PASSES 13u  /* S0 S1 R1 … S6 R6 */
#define SIGN 0x80u  /* of a byte of planes */
#define TOP 0x40u
#define CODE_SIZE 4u /* bytes of a codeword that a decoder is ahead */
#define CHANNEL 2u /* §6.2: what large tensors are without planes */
#define CHANNEL_BITS 8u
#define NO_TIER 255u
#define FAILED_NAME_LIMIT 64u /* bytes of a name that FAILED quotes */
#define FAILED_ROOM 84u       /* what metrics leave in the outbox: 2, code, name, 15, 2 of METRIC */
#ifndef SMALL_LIMIT /* §5.2; the vectors have others */
#define SMALL_LIMIT 512u
#define VECTOR_LIMIT 8192u
#endif
#define BOARD_NAME_LIMIT 32u
#define METRIC_NAME_LIMIT 64u /* §5.9 */
#define METRIC_UNIT_LIMIT 16u

enum { OWED_WELCOME = 1, OWED_READY = 2, OWED_ACK = 4, OWED_NAK = 8 };
enum { WORK_NONE, WORK_CHECK, WORK_ACCEPT, WORK_ANSWER, WORK_NOTE };
enum { PART_KIND, PART_LENGTH, PART_BODY, PART_TABLE, PART_DEAF }; /* the last one behind FINISH and FAILED */
