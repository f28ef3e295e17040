/* SPDX-License-Identifier: Apache-2.0
 *
 * Revoking (docs/spec/07-granting.md Section 7.8, docs/spec/05-keys.md Section 5.9): a producer strikes
 * a reader out, tells the delegate, rotates and shares the new generation, over a broker that loses,
 * repeats and reorders, and through crashes. Another reader must not be stranded. Generation 1 was
 * granted to everybody; generation 2 is begun because of the revocation, so it is a later one.
 * README.md says what stands for what, and what the macros break.
 */

#ifndef BURST
#define BURST 1
#endif
#ifndef CRASHES
#define CRASHES 2            /* of the producer */
#endif

#define bit(g) (1 << (g))
#define has(set, g) (((set) >> (g)) & 1)
#ifdef DELEGATE
#define hasDelegate true
#else
#define hasDelegate false
#endif
#ifdef LEDGER_IGNORED
#define mayGrant true
#else
#define mayGrant !isStruck
#endif
#ifdef SENT_ONCE
#define maySend !wasShared
#else
#define maySend true
#endif
#ifdef NO_RETRY
#define mayAsk !wasAsked
#else
#define mayAsk true
#endif
#define OLD 1
#define NEW 2

/* The producer: durable. */
byte generation = OLD
bool isStruck, isOwed, isAnnounced
bool isTelling               /* the outbox: the order to the delegate, until its ack */
bool isSharing               /* the outbox: the share of generation 2, until its ack */
/* Volatile. */
byte issuing                 /* a grant to the revoked reader that was decided and is not sent yet */
bool isRunning               /* the rotation is under way */
/* What happened: the reader was struck out; sealed in generation 2. */
bool isRevoking, isSealing

/* The delegate: durable. */
byte shares = bit(OLD)
bool isStruckThere

/* The readers: the keys that they hold. */
byte keysOfRevoked = bit(OLD), keysOfOther = bit(OLD)
bool isClosedForOther, isStaleOpened

/* The broker. What was granted to the revoked reader may arrive at any time. */
bool tell, tellAck, share, shareAck, request, grant
bool lostTell, lostTellAck, lostShare, lostShareAck, lostRequest, lostGrant
byte grants

byte crashes
#ifdef SENT_ONCE
bool wasShared
#endif
#ifdef NO_RETRY
bool wasAsked
#endif

#ifdef SHARED_AT_ONCE
#define mayShare true
#else
#define mayShare (!isTelling)
#endif

#ifdef SAME_ROOT
#define opens(keys, g) has(keys, OLD)
#else
#define opens(keys, g) has(keys, g)
#endif

/* The order of what the producer does, each step as durable as it says. */
proctype Producer() {
end:
  do
#ifdef STRUCK_LAST
  :: atomic { !isRevoking -> isRevoking = true; isOwed = true }
  :: atomic { generation == NEW && !isStruck -> isStruck = true; isTelling = hasDelegate }
#else
  :: atomic {                  /* one write */
       !isRevoking ->
       isRevoking = true;
       isStruck = true;
       isOwed = true;
       isTelling = hasDelegate
     }
#endif
  :: atomic { isOwed && !isRunning && generation == OLD -> isRunning = true }
  :: atomic { isRunning && generation == OLD -> generation = NEW }
  :: atomic {                  /* before the first object */
       generation == NEW && !isAnnounced -> isAnnounced = true; isSharing = hasDelegate
     }
  :: atomic { isAnnounced && !isSealing -> isSealing = true }
  :: atomic { isOwed && isSealing -> isOwed = false; isRunning = false }
  od
}

/* Sends what is in the outbox again and again; an ack ends that. */
proctype Outbox() {
end:
  do
  :: atomic { isTelling && !tell -> tell = true }
  :: atomic { tellAck && !lostTellAck && BURST > 0 -> tellAck = false; lostTellAck = true }
  :: atomic { tellAck -> tellAck = false; lostTellAck = false; isTelling = false }
  od
}

proctype ShareOutbox() {
end:
  do
  :: atomic {
       isSharing && mayShare && maySend && !share ->
       share = true;
#ifdef SENT_ONCE
       wasShared = true
#endif
     }
  :: atomic { shareAck && !lostShareAck && BURST > 0 -> shareAck = false; lostShareAck = true }
  :: atomic { shareAck -> shareAck = false; lostShareAck = false; isSharing = false }
  od
}

/* The delegate takes orders and shares, in whatever order they come. */
proctype Told() {
end:
  do
  :: atomic { tell && !lostTell && BURST > 0 -> tell = false; lostTell = true }
  :: atomic { tell && !tellAck -> tell = false; lostTell = false; isStruckThere = true; tellAck = true }
  od
}

proctype Shared() {
end:
  do
  :: atomic { share && !lostShare && BURST > 0 -> share = false; lostShare = true }
  :: atomic {
       share && !shareAck ->
       share = false;
       lostShare = false;
       shares = shares | bit(NEW);
       shareAck = true
     }
  od
}

/* The revoked reader asks everybody for everything at any time. The producer looks at what stands,
 * and issues later; the delegate knows the reader from before, and grants as it did then. */
proctype GranterToRevoked() {
  byte g;
end:
  do
  :: atomic {
       issuing == 0 && mayGrant ->
       select(g: OLD .. generation);
       issuing = g;
       g = 0
     }
  :: atomic { issuing != 0 -> grants = grants | bit(issuing); issuing = 0 }
  :: atomic { (shares & ~grants) != 0 && !isStruckThere -> grants = grants | shares }
  :: atomic { (grants & ~keysOfRevoked) != 0 -> keysOfRevoked = keysOfRevoked | grants }
  od
}

/* Another reader meets an object of generation 2, and asks until it is granted. */
proctype Other() {
end:
  do
  :: atomic {
       isSealing && !has(keysOfOther, NEW) && mayAsk && !request ->
       request = true;
#ifdef NO_RETRY
       wasAsked = true
#endif
     }
  :: atomic { grant && !lostGrant && BURST > 0 -> grant = false; lostGrant = true }
  :: atomic {
       grant ->
       grant = false;
       lostGrant = false;
       keysOfOther = keysOfOther | bit(NEW);
#ifndef NO_CLOSING
       isClosedForOther = true
#endif
     }
  od
}

proctype Answers() {
end:
  do
  :: atomic { request && !lostRequest && BURST > 0 -> request = false; lostRequest = true }
  :: atomic { request && !grant -> request = false; lostRequest = false; grant = true }
  od
}

/* A copy of the producer, from before, goes on in generation 1, in an epoch after its closing. */
proctype Stale() {
  atomic {
    has(keysOfOther, NEW) && !isClosedForOther -> isStaleOpened = true
  }
}

proctype Crash() {
  do
  :: crashes < CRASHES ->
     atomic {
       crashes++;
       issuing = 0;
       isRunning = false;
#ifdef OWED_IN_MEMORY
       isOwed = false;
#endif
       isSealing = isSealing && generation == NEW && isAnnounced
     }
  :: break
  od
}

init {
  atomic {
    run Producer(); run GranterToRevoked(); run Other(); run Answers(); run Stale(); run Crash();
    if
    :: hasDelegate -> run Outbox(); run ShareOutbox(); run Told(); run Shared()
    :: else
    fi
  }
}

ltl shut_out { [] !(isSealing && opens(keysOfRevoked, NEW)) }
ltl rotated { [] (isRevoking -> <> isSealing) }
ltl not_stranded { [] (isSealing -> <> has(keysOfOther, NEW)) }
ltl shared { [] (isSealing -> <> has(shares, NEW)) }
ltl closed { [] !isStaleOpened }
